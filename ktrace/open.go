package ktrace

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/klauspost/compress/zstd"
)

// ErrUnsupported is matched by errors about input that is whole, but of a
// format or version that this package does not read.
var ErrUnsupported = errors.New("not supported")

// Error is damage in the input: where, and what was wanted there.
type Error struct {
	Name   string // of the file, "" if it has none
	Line   int64  // of text, from 1; 0 for binary files
	Offset int64  // of the first byte concerned, after decompression; -1 if unknown
	Doing  string // what was being read
	Err    error  // what was wanted, or the error of the file system
}

func (e *Error) Error() string {
	name := e.Name
	if name == "" {
		name = "trace"
	}
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s: %v", name, e.Line, e.Doing, e.Err)
	}
	if e.Offset < 0 {
		return fmt.Sprintf("%s: %s: %v", name, e.Doing, e.Err)
	}
	return fmt.Sprintf("%s: offset %#x: %s: %v", name, e.Offset, e.Doing, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// source delivers events and damage until the end, or until yield returns
// false. An event belongs to the source again when yield returns.
type source interface {
	run(yield func(*Event, error) bool)
}

// Reader reads one trace. It is for one goroutine.
type Reader struct {
	src   source
	close []func() error
	used  bool
}

// Open opens a trace by its name. Name "-" is standard input.
func Open(name string) (*Reader, error) {
	if name == "-" {
		return newReader(os.Stdin, "standard input")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	r, err := newReader(f, name)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.close = append(r.close, f.Close)
	return r, nil
}

// NewReader reads a trace from r. Close does not close r.
func NewReader(r io.Reader) (*Reader, error) { return newReader(r, "") }

// Jobs lets the reader decode with goroutines of its own if n is above 1, and tells whether the format allows that: a
// trace.dat has one a CPU. The events and their order are the same for any n. It is called before Events.
func (r *Reader) Jobs(n int) bool {
	d, ok := r.src.(*datSource)
	if ok {
		d.jobs = max(n, 1)
	}
	return ok
}

// Close frees the files that are open, and removes temporary ones.
func (r *Reader) Close() error {
	var errs []error
	for i := len(r.close) - 1; i >= 0; i-- {
		errs = append(errs, r.close[i]())
	}
	r.close = nil
	return errors.Join(errs...)
}

// Events returns the events of the trace, once. An error between them, most
// often an [*Error], says what could not be read; the loop goes on with what
// can be read behind it. An event is valid until the next step of the loop.
func (r *Reader) Events() iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		if r.used {
			yield(nil, errors.New("reading a trace twice: want a new Reader for each pass"))
			return
		}
		r.used = true
		r.src.run(yield)
	}
}

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
	datMagic  = []byte("\x17\x08\x44tracing")
	perfMagic = []byte("PERFILE2")
	perfSwap  = []byte("2ELIFREP")
	perfOld   = []byte("PERFFILE")
)

func newReader(in io.Reader, name string) (*Reader, error) {
	r := &Reader{}
	plain, _ := in.(*os.File) // as long as nothing is decompressed
	br := bufio.NewReader(in)
	for depth := 0; ; depth++ {
		head, err := br.Peek(16)
		if err != nil && !errors.Is(err, io.EOF) && len(head) == 0 {
			return nil, errors.Join(&Error{Name: name, Doing: "reading the first bytes", Err: err}, r.Close())
		}
		var next io.Reader
		switch {
		case bytes.HasPrefix(head, gzipMagic):
			if next, err = gzip.NewReader(br); err != nil {
				err = fmt.Errorf("reading the header of gzip: %w", err)
			}
		case bytes.HasPrefix(head, zstdMagic):
			var d *zstd.Decoder
			if d, err = newZstd(br); err == nil {
				next = d
				r.close = append(r.close, func() error { d.Close(); return nil })
			}
		default:
			if err := r.detect(head, br, plain, name); err != nil {
				return nil, errors.Join(err, r.Close())
			}
			return r, nil
		}
		if err == nil && depth == 2 {
			err = errors.New("want a trace that is compressed at most twice")
		}
		if err != nil {
			return nil, errors.Join(&Error{Name: name, Doing: "decompressing", Err: err}, r.Close())
		}
		plain = nil
		br = bufio.NewReader(next)
	}
}

// seekable returns a file that can be read at any place: the one that is open, or a temporary copy of the stream, which
// Close removes.
func (r *Reader) seekable(br io.Reader, plain *os.File) (*os.File, int64, error) {
	if plain != nil {
		if st, err := plain.Stat(); err == nil && st.Mode().IsRegular() {
			return plain, st.Size(), nil
		}
	}
	f, err := os.CreateTemp("", "lockdep-trace-*")
	if err != nil {
		return nil, 0, err
	}
	r.close = append(r.close, func() error { return errors.Join(f.Close(), os.Remove(f.Name())) })
	n, err := io.Copy(f, br)
	return f, n, err
}

// newZstd is a decoder whose memory is bounded: frames with windows of more
// than 128 MB (zstd --ultra --long=27 is the most that zstd reads by itself)
// are refused.
func newZstd(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderLowmem(true))
}

func (r *Reader) detect(head []byte, br *bufio.Reader, plain *os.File, name string) error {
	var err error
	switch {
	case bytes.HasPrefix(head, datMagic):
		f, size, err := r.seekable(br, plain)
		if err != nil {
			return &Error{Name: name, Offset: -1, Doing: "reading a trace.dat", Err: err}
		}
		src, err := newDatSource(f, size, name)
		if err != nil {
			return err
		}
		r.src = src
		return nil
	case bytes.HasPrefix(head, perfMagic), bytes.HasPrefix(head, perfSwap), bytes.HasPrefix(head, perfOld):
		src, err := r.perf(head, br, plain, name)
		if err != nil {
			return err
		}
		r.src = src
		return nil
	case len(head) == 0:
		err = errors.New("the input is empty; want text of ftrace, trace-cmd report or perf script")
	case bytes.IndexByte(head, 0) >= 0:
		err = fmt.Errorf("format of a file that begins with %q is %w; want text of ftrace, trace-cmd report or perf script", head, ErrUnsupported)
	default:
		r.src = newTextSource(br, name)
		return nil
	}
	return &Error{Name: name, Doing: "reading the first bytes", Err: err}
}
