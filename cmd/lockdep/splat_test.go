package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

const splatText = `[   12.100000] =====================================
[   12.100001] WARNING: bad unlock balance detected!
[   12.100002] 6.9.0 #1 Not tainted
[   12.100003] -------------------------------------
[   12.100004] task/7 is trying to release lock (&a->lock) at:
[   12.100005] [<ffffffff81000010>] put+0x10/0x40
[   12.100006] but there are no more locks to release!
[   12.100007] 
[   12.100007] other info that might help us debug this:
[   12.100008] no locks held by task/7.
[   12.100009] 
[   12.100009] stack backtrace:
[   12.100010] CPU: 0 UID: 0 PID: 7 Comm: task Not tainted 6.9.0 #1
[   12.100011] Call Trace:
[   12.100012]  put+0x10/0x40
`

// splatOut runs "lockdep splat" and returns its output, what it complains, and
// its error.
func splatOut(t *testing.T, stdin string, args ...string) (string, string, error) {
	t.Helper()
	var out, errOut bytes.Buffer
	c := splatCommand()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(goStyle(append([]string{"splat"}, args...))[1:])
	c.SetIn(strings.NewReader(stdin))
	c.SetOut(&out)
	c.SetErr(&errOut)
	err := c.Execute()
	return out.String(), errOut.String(), err
}

func TestSplatInputs(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	var gz, zs bytes.Buffer
	g := gzip.NewWriter(&gz)
	g.Write([]byte(splatText))
	g.Close()
	z, err := zstd.NewWriter(&zs)
	if err != nil {
		t.Fatal(err)
	}
	z.Write([]byte(splatText))
	z.Close()
	write("a.txt", []byte(splatText))
	write("b.gz", gz.Bytes())
	write("c.zst", zs.Bytes())
	write("empty", nil)
	const want = "unlock-imbalance: &a->lock in put, task task/7, kernel 6.9.0\n"
	out, complaint, err := splatOut(t, splatText, dir, "-")
	if err != nil || complaint != "" {
		t.Errorf("%v, %q", err, complaint)
	}
	if n := strings.Count(out, want); n != 4 {
		t.Errorf("%d reports, want 4:\n%s", n, out)
	}
	if !strings.Contains(out, "stdin:2: ") || !strings.Contains(out, filepath.Join(dir, "b.gz")+":2: ") {
		t.Errorf("places are missing:\n%s", out)
	}
	out, _, err = splatOut(t, "", "-dedup", dir)
	if err != nil || !strings.HasPrefix(out, "3 times, first ") || strings.Count(out, "\n") != 1 {
		t.Errorf("%v, %q", err, out)
	}
	// A damaged file is said, and the rest is read.
	bad := write("bad.gz", gz.Bytes()[:40])
	out, complaint, err = splatOut(t, "", bad, filepath.Join(dir, "a.txt"))
	if err != nil || !strings.Contains(complaint, "bad.gz") || !strings.Contains(out, want) {
		t.Errorf("%v, %q, %q", err, complaint, out)
	}
}

func TestSplatForms(t *testing.T) {
	out, _, err := splatOut(t, splatText, "-kernel", "-")
	if err != nil {
		t.Fatal(err)
	}
	var plain strings.Builder
	for l := range strings.Lines(splatText) {
		plain.WriteString(l[len("[   12.100000] "):])
	}
	if out != plain.String() {
		t.Errorf("got\n%s\nwant\n%s", out, plain.String())
	}
	for form, want := range map[string]string{
		"-explain": "The usual repair: find the path that releases it twice",
		"-title":   "WARNING: bad unlock balance in put\n",
		"-json":    `"title":"WARNING: bad unlock balance in put"`,
		"-sarif":   `"ruleId": "kernel-unlock-imbalance"`,
		"-dot":     "digraph splat {",
	} {
		out, _, err := splatOut(t, splatText, form, "-")
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v\n%s", form, err, out)
		}
		if form == "-json" || form == "-sarif" {
			if !json.Valid([]byte(out)) {
				t.Errorf("%s: no JSON:\n%s", form, out)
			}
		}
	}
}

func TestSplatErrors(t *testing.T) {
	if _, complaint, err := splatOut(t, "", filepath.Join(t.TempDir(), "none")); err != error(status(1)) || !strings.Contains(complaint, "none") {
		t.Errorf("nothing to read: %v, %q", err, complaint)
	}
	if _, _, err := splatOut(t, "nothing here\n", "-"); err != nil {
		t.Errorf("no report is no error: %v", err)
	}
	for _, args := range [][]string{{}, {"-json", "-dot", "-"}, {"-nonsense", "-"}} {
		if _, _, err := splatOut(t, "", args...); err == nil || err == error(status(1)) {
			t.Errorf("%q: %v, want a usage error", args, err)
		}
	}
}
