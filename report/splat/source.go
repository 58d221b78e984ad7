package splat

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"html"
	"io"
	"regexp"
	"strings"
)

// maxLine bounds a line, in bytes; what is longer is cut. No line of a report
// is near it.
const maxLine = 8 << 10

// A line is a line of a log without the prefixes that logs, mailers and
// consoles put in front.
type line struct {
	n      int    // from 1
	text   string // with its own indentation and trailing blanks
	caller string // caller id: T123 or C0
	// stamped: a time stamp or the like was removed, so this is the beginning
	// of what the kernel printed and not the rest of a wrapped line.
	stamped bool
}

// A source reads raw lines and undoes what a mail transport did to them.
type source struct {
	r   *bufio.Reader
	n   int
	qp  bool
	buf []byte
}

func newSource(r io.Reader) *source { return &source{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next raw line without its end, valid until the next call.
func (s *source) next() ([]byte, error) {
	s.buf = s.buf[:0]
	for {
		start := len(s.buf)
		if err := s.physical(); err != nil {
			if start > 0 {
				return s.buf, nil
			}
			return nil, err
		}
		l := s.buf[start:]
		switch {
		case bytes.Contains(l, []byte("=3D=3D=3D=3D")):
			s.qp = true
		case s.qp && bytes.Contains(l, []byte("========")):
			s.qp = false
		case bytes.HasPrefix(l, []byte("Content-Transfer-Encoding:")):
			s.qp = bytes.Contains(bytes.ToLower(l), []byte("quoted-printable"))
		}
		if !s.qp {
			return s.buf, nil
		}
		soft := bytes.HasSuffix(l, []byte("="))
		if soft {
			l = l[:len(l)-1]
		}
		s.buf = append(s.buf[:start], unquotePrintable(l)...)
		if !soft || len(s.buf) >= maxLine {
			return s.buf, nil
		}
	}
}

// physical appends a line of the input to s.buf, without its end and cut to
// maxLine.
func (s *source) physical() error {
	s.n++
	start := len(s.buf)
	for {
		part, err := s.r.ReadSlice('\n')
		if room := maxLine - (len(s.buf) - start); len(part) > room {
			part = part[:max(room, 0)]
		}
		s.buf = append(s.buf, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && len(s.buf) == start:
			return err
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
		for len(s.buf) > start && (s.buf[len(s.buf)-1] == '\n' || s.buf[len(s.buf)-1] == '\r') {
			s.buf = s.buf[:len(s.buf)-1]
		}
		return nil
	}
}

func unquotePrintable(b []byte) []byte {
	out := make([]byte, 0, len(b))
	hex := func(c byte) int { return strings.IndexByte("0123456789ABCDEF", c) }
	for i := 0; i < len(b); i++ {
		if b[i] == '=' && i+2 < len(b) {
			if h, l := hex(b[i+1]), hex(b[i+2]); h >= 0 && l >= 0 {
				out = append(out, byte(h<<4|l))
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

var (
	escapeRE = regexp.MustCompile(`\x1b(?:\[[0-9;?]*[A-Za-z]|c)`)
	quoteRE  = regexp.MustCompile(`^[ \t]{0,3}(?:[>|] ?)+`)
	// A stamp is one prefix; there may be several, one after the other.
	stampRE = regexp.MustCompile(`^[ \t]*(?:` + strings.Join([]string{
		`<\d{1,3}>`,                         // level
		`(?:kern|user|daemon) *:[a-z]+ *: `, // dmesg -x
		`\[ *\d+\.\d+\]`,                    // seconds since boot
		`\[(?:\w{3} +)?\w{3} +\d+ \d\d:\d\d:\d\d(?:\.\d+)? \d{4}\]`,                      // dmesg -T
		`\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*(?: \S+ (?:kernel|klogd)(?:\[\d+\])?:)?`, // ISO 8601
		`\w{3} +\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?(?: \S+)?(?: (?:kernel|klogd)(?:\[\d+\])?:| \|)`,
		`(?:kernel|klogd): `,
		`kernel:$`,
		`\d\d:\d\d:\d\d(?:[.,]\d+)? `,
	}, `|`) + `)`)
	callerRE = regexp.MustCompile(`^\[ *([TC]\d+)\]`)
	innerRE  = regexp.MustCompile(`\[ *\d+\.\d{6}\]`)
)

// clean takes the prefixes off a raw line. Where console output of two records
// ended up on one line, it gives two.
func clean(raw string, n int) []line {
	if strings.IndexByte(raw, 0x1b) >= 0 {
		raw = escapeRE.ReplaceAllString(raw, "")
	}
	if strings.Contains(raw, "&gt;") || strings.Contains(raw, "&lt;") || strings.Contains(raw, "&amp;") {
		raw = html.UnescapeString(raw)
	}
	raw = strings.ToValidUTF8(strings.ReplaceAll(raw, "\u00a0", " "), "?")
	l := line{n: n, text: raw}
	if q := quoteRE.FindString(l.text); q != "" {
		l.text = l.text[len(q):]
	}
	for range 8 {
		s := stampRE.FindString(l.text)
		if s == "" && !callerRE.MatchString(l.text) {
			break
		}
		l.stamped = true
		l.text = l.text[len(s):]
		if c := callerRE.FindStringSubmatch(l.text); c != nil {
			l.caller = c[1]
			l.text = l.text[len(c[0]):]
		}
		l.text = strings.TrimPrefix(l.text, " ")
	}
	out := []line{l}
	// The text of a record, and in its middle the beginning of another one.
	if at := innerRE.FindStringIndex(l.text); at != nil && at[0] > 0 {
		out[0].text = l.text[:at[0]]
		out = append(out, clean(l.text[at[0]:], n)...)
	}
	return out
}

// errRead wraps an error of the input with its place.
func errRead(n int, err error) error { return fmt.Errorf("line %d: %w", n, err) }
