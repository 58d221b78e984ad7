package predict

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// written is a small trace as the runtime writes it.
const written = magic +
	"C\x01\x03p.A" + "C\x02\x03p.B" + "S\x01\x11\x03p.F\x04f.go" +
	"B\x05\x00\x00" + "B\x06\x05\x01" +
	"L\x05\x90\x01\x01\x01" + "L\x05\x91\x01\x02\x01" + "U\x05\x91\x01\x00\x00" + "U\x05\x90\x01\x00\x00" +
	"s\x05\x07" + "r\x05\x07" +
	"L\x06\x91\x01\x02\x01" + "L\x06\x90\x01\x01\x01" + "U\x06\x90\x01\x00\x00" + "U\x06\x91\x01\x00\x00" + "X"

func TestRead(t *testing.T) {
	tr, err := Read("t", strings.NewReader(written))
	if err != nil || tr.Cut || len(tr.Events) != 12 {
		t.Fatalf("%+v, %v", tr, err)
	}
	if e := tr.Events[2]; e.Kind != Lock || e.Goroutine != 5 || e.Class != "p.A" || e.At.Line != 17 || e.At.File != "f.go" {
		t.Errorf("%+v", e)
	}
	ds := Find(tr)
	if keys(ds) != "p.A > p.B, p.B > p.A" {
		t.Fatalf("found %q", keys(ds))
	}
	text := string(ds[0].AppendText(nil))
	if !strings.Contains(text, "lock p.A  f.go:17") || strings.Count(text, "waits for ever") != 2 {
		t.Error(text)
	}
	for _, c := range []struct{ text, reason string }{
		{"lockdep trace 9\n", "byte 0: this is no trace"},
		{magic + "Z", "byte 16: 'Z' begins no record"},
		{magic + "XX", "byte 17: something follows the end"},
		{magic + "C\x01\xff\xff\x7f", "byte 16: a name is too long"},
		{magic + "s" + strings.Repeat("\xff", 11), "byte 16: a number is too long"},
	} {
		var e *FormatError
		if _, err := Read("t", strings.NewReader(c.text)); !errors.As(err, &e) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%q: %v, want %q", c.text, err, c.reason)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(written))
	f.Add([]byte(written[:len(written)-9]))
	f.Fuzz(func(t *testing.T, text []byte) {
		tr, err := Read("t", bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, d := range Find(tr) {
			d.AppendText(nil)
		}
	})
}

// Locks that were born with a number that another lock had before are no such lock.
func TestReadBorn(t *testing.T) {
	const two = "N\x06\x91\x01\x00\x00" + "N\x06\x90\x01\x00\x00"
	i := strings.Index(written, "L\x06\x91")
	tr, err := Read("t", strings.NewReader(written[:i]+two+written[i:]))
	if err != nil || len(tr.Events) != 12 {
		t.Fatalf("%+v, %v", tr, err)
	}
	if ds := Find(tr); len(ds) != 0 {
		t.Fatalf("found %q", keys(ds))
	}
}
