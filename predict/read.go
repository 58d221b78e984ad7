package predict

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/golockdep/lockdep/engine"
)

// Ext is the ending of trace files.
const Ext = ".ldt"

const magic = "lockdep trace 1\n"

// maxString bounds a name in a trace file.
const maxString = 1 << 12

// A FormatError is damage in a trace file, at a byte offset.
type FormatError struct {
	File   string
	Offset int64
	Reason string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: byte %d: %s; delete the file and record again", e.File, e.Offset, e.Reason)
}

// ReadFile reads a trace file; see docs/format/trace.md.
func ReadFile(name string) (*Trace, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(name, f)
}

// Read reads a trace. One that ends within a record, as after a kill, is cut
// there, and says so.
func Read(name string, from io.Reader) (*Trace, error) {
	r := &reader{r: bufio.NewReader(from), name: name, classes: map[uint64]string{}, sites: map[uint64]engine.Frame{}, born: map[uint64]uint64{}}
	var head [len(magic)]byte
	n, err := io.ReadFull(r.r, head[:])
	if (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) && string(head[:n]) == magic[:n] {
		r.trace.Cut = true
		return &r.trace, nil
	}
	if err != nil || string(head[:]) != magic {
		return nil, &FormatError{File: name, Reason: "this is no trace of lockdep test -record, or one of another version"}
	}
	r.at = int64(len(magic))
	for {
		last := r.at
		switch err := r.record(); {
		case errors.Is(err, io.EOF) && r.ended:
			return &r.trace, nil
		case errors.Is(err, io.EOF):
			r.trace.Cut = true
			return &r.trace, nil
		case err != nil:
			return nil, &FormatError{File: name, Offset: last, Reason: err.Error()}
		}
	}
}

type reader struct {
	r       *bufio.Reader
	name    string
	at      int64
	ended   bool
	classes map[uint64]string
	sites   map[uint64]engine.Frame
	nborn   uint64
	born    map[uint64]uint64 // what stands for a lock that began with that number
	trace   Trace
}

// record reads one record. io.EOF: there is none, or not a whole one.
func (r *reader) record() error {
	typ, err := r.r.ReadByte()
	if err != nil {
		return err
	}
	r.at++
	if r.ended {
		return errors.New("something follows the end")
	}
	switch typ {
	case 'X':
		r.ended = true
		return nil
	case 'C':
		id, err := r.uint()
		if err != nil {
			return err
		}
		r.classes[id], err = r.string()
		return err
	case 'S':
		id, err := r.uint()
		if err != nil {
			return err
		}
		line, err := r.uint()
		if err != nil {
			return err
		}
		var f engine.Frame
		f.Line = int(line)
		if f.Func, err = r.string(); err != nil {
			return err
		}
		f.File, err = r.string()
		r.sites[id] = f
		return err
	case 'B':
		n, err := r.uints(3)
		if err != nil {
			return err
		}
		r.add(Event{Kind: Begin, Goroutine: n[0], Object: n[1], Born: int(min(n[2], uint64(len(r.trace.Events))))})
	case 's', 'r':
		n, err := r.uints(2)
		if err != nil {
			return err
		}
		k := Send
		if typ == 'r' {
			k = Receive
		}
		r.add(Event{Kind: k, Goroutine: n[0], Object: n[1]})
	case 'N':
		n, err := r.uints(4)
		if err == nil {
			r.nborn++
			r.born[n[1]] = ^r.nborn
		}
		return err
	default:
		e, ok := map[byte]Event{
			'L': {Kind: Lock}, 'R': {Kind: RLock}, 'T': {Kind: Lock, Try: true}, 'V': {Kind: RLock, Try: true},
			'U': {Kind: Unlock}, 'Q': {Kind: RUnlock},
		}[typ]
		if !ok {
			return fmt.Errorf("%q begins no record", typ)
		}
		n, err := r.uints(4)
		if err != nil {
			return err
		}
		e.Goroutine, e.Object, e.Class, e.At = n[0], n[1], r.classes[n[2]], r.sites[n[3]]
		if o, ok := r.born[e.Object]; ok {
			e.Object = o
		}
		r.add(e)
	}
	return nil
}

func (r *reader) add(e Event) { r.trace.Events = append(r.trace.Events, e) }

func (r *reader) uint() (uint64, error) {
	var n uint64
	for shift := 0; ; shift += 7 {
		b, err := r.r.ReadByte()
		if err != nil {
			return 0, err
		}
		r.at++
		if shift > 63 {
			return 0, errors.New("a number is too long")
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n, nil
		}
	}
}

func (r *reader) uints(n int) (out [4]uint64, err error) {
	for i := range n {
		if out[i], err = r.uint(); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (r *reader) string() (string, error) {
	n, err := r.uint()
	if err != nil {
		return "", err
	}
	if n > maxString {
		return "", errors.New("a name is too long")
	}
	b := make([]byte, n)
	k, err := io.ReadFull(r.r, b)
	r.at += int64(k)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return string(b), err
}
