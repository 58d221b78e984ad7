package lockgraph

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/golockdep/lockdep/engine"
)

// Ext is the ending of graph files.
const Ext = ".ldg"

// A VersionError is a graph file of a format that this version cannot read.
type VersionError struct {
	File    string
	Version int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s: graph format %d is newer than %d, which this lockdep reads; use the lockdep that wrote it, or a later one",
		e.File, e.Version, engine.FormatVersion)
}

// A FormatError is damage in a graph file, at a byte offset.
type FormatError struct {
	File   string
	Offset int64
	Reason string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: byte %d: %s; delete the file and run again, or restore it", e.File, e.Offset, e.Reason)
}

// ErrTruncated is wrapped by the error for a file that ends within a record:
// the process was killed while it wrote. What was read before stands.
var ErrTruncated = errors.New("the last record is cut off")

// A Lock is a held or wanted lock of an [Observation].
type Lock struct {
	Class string
	Birth uint64 // number of the instance in its process
	Addr  uint64
	Site  engine.Frame
	Mode  engine.Mode
	Try   bool
	Owner uint64 // of a guard: the goroutine that holds it
}

// An Observation is one acquisition that taught something, by names.
type Observation struct {
	Kind, Flags uint8
	Process     string
	Goroutine   uint64
	Origin      engine.Frame
	Test        string
	Stack       []engine.Frame
	Lock        Lock
	Held        []Lock
	Guards      []Lock   // held by those who made the goroutine, while it ran
	Line        []uint64 // see engine.Recorded

	// Of what comes after a wait that a close ended, 0: none. See engine.Recorded.
	Closer     uint64
	CloserFrom engine.Frame
	Behind     int // Event is where the channel was made

	// Of a wait for an event: where its channel was made, what it waits for and
	// the goroutine that ended it.
	Event engine.Frame
	Wait  engine.Mode
	Waker uint64
}

// A File is the content of a graph file.
type File struct {
	Name         string
	Classes      map[string]uint32 // flags by name
	Observations []Observation
	Full         []engine.FullTable
	Processes    map[string]*Process // by name; several in a merged file
}

// A Process is what a graph file says of a process beside its observations.
type Process struct {
	Header map[string]string
	Ended  bool // in order: it wrote its counters as the last it did
	Chains uint64
	Counts map[string]uint64 // how often a finding was met, by its ID

	// Said has, by ID, the levels of the findings whose reports stood in the log of
	// a failed test when this process ended with a status that makes go test show
	// that log. Only a process that go test itself started has any.
	Said map[string]engine.Level
}

func newProcess() *Process {
	return &Process{Header: map[string]string{}, Counts: map[string]uint64{}, Said: map[string]engine.Level{}}
}

type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uvarint() uint64 {
	n, k := binary.Uvarint(d.b)
	if k <= 0 {
		d.bad = true
		d.b = nil
		return 0
	}
	d.b = d.b[k:]
	return n
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) string() string {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.bad = true
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

// reader holds a file's own numbering while it is read.
type reader struct {
	file    *File
	version int
	name    string   // of the process that the records are of
	process *Process // nil before the first record that is of one
	classes map[uint64]string
	sites   map[uint64]engine.Frame
	stacks  map[uint64][]engine.Frame
	tests   map[uint64]string
}

// Read reads one graph file. The file is returned also with an error that
// wraps [ErrTruncated].
func Read(name string, r io.Reader) (*File, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	f := &File{Name: name, Classes: map[string]uint32{}, Processes: map[string]*Process{}}
	if len(data) < len(engine.Magic) {
		if strings.HasPrefix(engine.Magic, string(data)) {
			return f, fmt.Errorf("%s: %w", name, ErrTruncated)
		}
		return nil, &FormatError{name, 0, "not a lock graph file"}
	}
	if !bytes.HasPrefix(data, []byte(engine.Magic[:len(engine.Magic)-1])) {
		return nil, &FormatError{name, 0, "not a lock graph file"}
	}
	if v := int(data[len(engine.Magic)-1]); v > engine.FormatVersion {
		return nil, &VersionError{name, v}
	} else if v < 1 {
		return nil, &FormatError{name, int64(len(engine.Magic) - 1), fmt.Sprintf("graph format %d does not exist", v)}
	}
	rd := &reader{file: f, version: int(data[len(engine.Magic)-1]), classes: map[uint64]string{}, sites: map[uint64]engine.Frame{}, stacks: map[uint64][]engine.Frame{}, tests: map[uint64]string{}}
	at := len(engine.Magic)
	for at < len(data) {
		n, k := binary.Uvarint(data[at:])
		if k == 0 || k > 0 && (n > uint64(len(data)) || n+4 > uint64(len(data)-at-k)) {
			if n > 1<<30 {
				return nil, &FormatError{name, int64(at), "record length is not plausible"}
			}
			return f, fmt.Errorf("%s: byte %d: %w", name, at, ErrTruncated)
		}
		if k < 0 || n == 0 {
			return nil, &FormatError{name, int64(at), "record length is not plausible"}
		}
		rec := data[at+k : at+k+int(n)]
		sum := binary.LittleEndian.Uint32(data[at+k+int(n):])
		if engine.Checksum(rec[0], rec[1:]) != sum {
			return nil, &FormatError{name, int64(at), "checksum of a record does not match"}
		}
		if reason := rd.record(rec[0], rec[1:]); reason != "" {
			return nil, &FormatError{name, int64(at), reason}
		}
		at += k + int(n) + 4
	}
	return f, nil
}

// record reads one record; the result says what is wrong with it.
func (rd *reader) record(typ byte, payload []byte) string {
	d := &decoder{b: payload}
	switch typ {
	case engine.RecHeader:
		h := map[string]string{}
		for len(d.b) > 0 && !d.bad {
			k := d.string()
			h[k] = d.string()
		}
		if d.bad {
			break
		}
		rd.enter(processName(h))
		for k, v := range h {
			rd.process.Header[k] = max(rd.process.Header[k], v)
		}
	case engine.RecClass:
		id := d.uvarint()
		flags := d.uvarint()
		name := d.string()
		rd.classes[id] = name
		if name != "" {
			rd.file.Classes[name] |= uint32(flags)
		}
	case engine.RecSite:
		id := d.uvarint()
		fn := d.string()
		file := d.string()
		rd.sites[id] = engine.Frame{Func: fn, File: file, Line: int(d.uvarint())}
	case engine.RecStack:
		id := d.uvarint()
		n := d.uvarint()
		if n > uint64(len(d.b)) { // a frame has a byte at least
			return "stack is not plausible"
		}
		frames := make([]engine.Frame, n)
		for i := range frames {
			frames[i] = rd.sites[d.uvarint()]
		}
		rd.stacks[id] = frames
	case engine.RecTest:
		id := d.uvarint()
		rd.tests[id] = d.string()
	case engine.RecLimit:
		f := engine.FullTable{Table: engine.Table(min(d.uvarint(), 255)), Limit: d.uvarint()}
		if len(d.b) > 0 && !d.bad { // absent in older files
			f.Class = d.string()
		}
		if !d.bad {
			rd.file.Full = append(rd.file.Full, f)
		}
	case engine.RecStats:
		n := d.uvarint()
		if n > 1000 {
			return "counters are not plausible"
		}
		rd.current().Ended = true
		for i := range n {
			if c := d.uvarint(); i == 2 && !d.bad {
				rd.current().Chains = c
			}
		}
	case engine.RecCount:
		id := d.string()
		rd.current().Counts[id] = d.uvarint()
	case engine.RecSaid:
		id := d.string()
		level := d.uvarint()
		if level > uint64(engine.Proved) {
			return "level is not plausible"
		}
		rd.current().Said[id] = max(rd.current().Said[id], engine.Level(level))
	case engine.RecObs:
		o := Observation{Kind: d.byte(), Flags: d.byte()}
		rd.current()
		o.Process = rd.name
		o.Goroutine = d.uvarint()
		o.Origin = rd.sites[d.uvarint()]
		o.Test = rd.tests[d.uvarint()]
		o.Stack = rd.stacks[d.uvarint()]
		o.Lock = rd.lock(d)
		n := d.uvarint()
		if n > 1<<16 {
			return "held stack is not plausible"
		}
		for i := uint64(0); i < n && !d.bad; i++ {
			o.Held = append(o.Held, rd.lock(d))
		}
		if o.isWait() {
			o.Event = rd.sites[d.uvarint()]
			o.Wait = engine.Mode(d.byte())
			o.Waker = d.uvarint()
		}
		if len(d.b) > 0 && !d.bad { // absent in older files
			n := d.uvarint()
			if n > 255 {
				return "list of guards is not plausible"
			}
			for i := uint64(0); i < n && !d.bad; i++ {
				l := rd.lock(d)
				l.Owner = d.uvarint()
				o.Guards = append(o.Guards, l)
			}
		}
		if rd.version < 2 {
			o.Flags |= flagSerial
		}
		if len(d.b) > 0 && !d.bad { // absent in older files, and where it does not matter
			n := d.uvarint()
			if n > 255 {
				return "line of makers is not plausible"
			}
			for i := uint64(0); i < n && !d.bad; i++ {
				o.Line = append(o.Line, d.uvarint())
			}
		}
		if len(d.b) > 0 && !d.bad { // only behind a close
			o.Closer = d.uvarint()
			o.CloserFrom = rd.sites[d.uvarint()]
			n := d.uvarint()
			if n > 1<<16 {
				return "number of locks held during a wait is not plausible"
			}
			o.Behind = int(n)
			o.Event = rd.sites[d.uvarint()]
		}
		if !d.bad {
			rd.file.Observations = append(rd.file.Observations, o)
		}
	}
	if d.bad {
		return fmt.Sprintf("record %q is too short", typ)
	}
	return ""
}

// enter makes the records that follow those of the process of that name.
func (rd *reader) enter(name string) {
	rd.name = name
	rd.process = rd.file.Processes[name]
	if rd.process == nil {
		rd.process = newProcess()
		rd.file.Processes[name] = rd.process
	}
}

// current is the process that the next record is of; that of a file without a
// header has no name in it.
func (rd *reader) current() *Process {
	if rd.process == nil {
		rd.enter(processName(nil))
	}
	return rd.process
}

func (rd *reader) lock(d *decoder) Lock {
	var l Lock
	l.Class = rd.classes[d.uvarint()]
	l.Birth = d.uvarint()
	l.Addr = d.uvarint()
	l.Site = rd.sites[d.uvarint()]
	m := d.byte()
	l.Mode = engine.Mode(m & 0x7f)
	l.Try = m&0x80 != 0
	return l
}

// processName identifies a process: instances are compared within one only.
func processName(header map[string]string) string {
	if p := header["process"]; p != "" {
		return p
	}
	return fmt.Sprintf("%s.%s.%s", header["binary"], header["pid"], header["start"])
}

// ReadFile reads the graph file of that name.
func ReadFile(name string) (*File, error) {
	r, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading a lock graph: %w", err)
	}
	defer r.Close()
	return Read(name, r)
}

// ReadAll reads graph files and, for a directory, all those in it, in the order
// of their names. Truncated files are used as far as they go; their faults are
// returned as warnings.
func ReadAll(paths ...string) (files []*File, warnings []error, err error) {
	var names []string
	for _, p := range paths {
		st, err := os.Stat(p)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, fmt.Errorf("reading a lock graph: %w; run lockdep test first, or give a graph file or its directory", err)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading a lock graph: %w", err)
		}
		if !st.IsDir() {
			names = append(names, p)
			continue
		}
		var found []string
		err = filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, Ext) {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			return nil, nil, fmt.Errorf("reading a lock graph: %w", err)
		}
		sort.Strings(found)
		names = append(names, found...)
	}
	for _, n := range names {
		f, err := ReadFile(n)
		if errors.Is(err, ErrTruncated) {
			warnings = append(warnings, err)
			err = nil
		}
		if err != nil {
			return nil, warnings, err
		}
		files = append(files, f)
	}
	return files, warnings, nil
}
