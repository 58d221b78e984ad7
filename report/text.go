package report

import (
	"bytes"
	"io"
	"slices"
	"sort"

	"github.com/golockdep/lockdep/engine"
)

// Select Graphic Rendition sequences, ECMA-48 8.3.117.
const (
	sgrBold   = "\x1b[1m"
	sgrRed    = "\x1b[1;31m"
	sgrYellow = "\x1b[1;33m"
	sgrReset  = "\x1b[0m"
)

// Text writes f as the kernel prints it. ident is the line that says what was
// observed: version, toolchain, binary. With color the title is red, for
// findings below likely yellow, and class names are bold. The error is w's.
func Text(w io.Writer, f *Finding, ident string, color bool) error {
	b := f.AppendText(nil, ident)
	if color {
		b = colored(f, b)
	}
	_, err := w.Write(b)
	return err
}

func colored(f *Finding, text []byte) []byte {
	title := sgrYellow
	if f.Level >= engine.Likely {
		title = sgrRed
	}
	classes := shortClasses(f)
	var out []byte
	for line := range bytes.Lines(text) {
		body := bytes.TrimSuffix(line, []byte("\n"))
		if bytes.HasPrefix(body, []byte("WARNING: ")) {
			out = append(out, title...)
			out = append(out, body...)
			out = append(out, sgrReset...)
		} else {
			out = appendBold(out, body, classes)
		}
		out = append(out, line[len(body):]...)
	}
	return out
}

// shortClasses returns the names that f's text can show, the longest first, so
// that a name is found before one that it begins with.
func shortClasses(f *Finding) []string {
	var out []string
	add := func(c string) {
		if c != "" {
			out = append(out, engine.ShortClass(c))
		}
	}
	for i := range f.Sides {
		for s := &f.Sides[i]; s != nil; s = s.Writer {
			add(s.Holds.Class)
			add(s.Wants.Class)
			for _, h := range s.Held {
				add(h.Class)
			}
		}
	}
	for _, c := range f.Gates {
		add(c)
	}
	sort.Slice(out, func(i, j int) bool {
		if len(out[i]) != len(out[j]) {
			return len(out[i]) > len(out[j])
		}
		return out[i] < out[j]
	})
	return slices.Compact(out)
}

// appendBold appends line with every whole name of classes in bold.
func appendBold(b, line []byte, classes []string) []byte {
next:
	for i := 0; i < len(line); {
		if i == 0 || !nameByte(line[i-1]) {
			for _, c := range classes {
				if n := i + len(c); bytes.HasPrefix(line[i:], []byte(c)) && (n == len(line) || !nameByte(line[n])) {
					b = append(b, sgrBold...)
					b = append(b, c...)
					b = append(b, sgrReset...)
					i = n
					continue next
				}
			}
		}
		b = append(b, line[i])
		i++
	}
	return b
}

// nameByte: a byte that continues a class name.
func nameByte(c byte) bool {
	return c == '_' || c == '.' || c == '/' || c == '[' || c >= 0x80 ||
		'0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
