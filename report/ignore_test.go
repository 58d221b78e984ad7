package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIgnoreMatch(t *testing.T) {
	f := fixtures()
	for _, c := range []struct {
		line, finding string
		want          bool
	}{
		{"index.Index.mu -> store.Store.mu", "circular", true},
		{"store.Store.mu -> index.Index.mu", "circular", true},
		{"circular store.Store.mu->index.Index.mu", "circular", true},
		{"recursive store.Store.mu -> index.Index.mu", "circular", false},
		{"example.org/shop/store.Store.mu -> index.*", "circular", true},
		{"*/store.* -> */index.*", "circular", true},
		{"* -> *", "circular", true},
		{"* -> *", "circular-three", false},
		{"Store.mu -> index.Index.mu", "circular", false},
		{"store.Store.mu -> index.Index.mu -> wal.Log.mu", "circular-three", true},
		{"wal.Log.mu -> store.Store.mu -> index.Index.mu", "circular-three", true},
		{"index.Index.mu -> store.Store.mu -> wal.Log.mu", "circular-three", false}, // the other way round
		{"store.Store.mu -> index.Index.mu", "circular-three", false},
		{"recursive count.counter.mu", "recursive", true},
		{"recursive *", "recursive", true},
		{"recursive\tcount.*", "recursive", true},
		{"recursive *", "recursive-read", false},
		{"recursive-read shop.table.mu", "recursive-read", false}, // its short name is table.mu
		{"recursive-read table.mu", "recursive-read", true},
		{"same-class bank.account.mu", "same-class", true},
		{"exit-held work.mu", "exit-held", true},
	} {
		g, err := ParseIgnore("f", strings.NewReader(c.line+" # because"))
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		x := f[c.finding]
		if got := g.Match(&x); got != c.want {
			t.Errorf("%q on %s: %v, want %v", c.line, c.finding, got, c.want)
		}
		if unused := len(g.Unused()) == 1; unused == c.want {
			t.Errorf("%q on %s: unused is %v", c.line, c.finding, unused)
		}
	}
}

func TestIgnoreUnused(t *testing.T) {
	const text = `# what we know of

store.Store.mu -> index.Index.mu  # Rebuild runs first # really
* -> *  # takes it too
exit-held work.mu  # the process ends then
recursive pkg.F[...] f.go:12  # a class that has only its site for a name
`
	g, err := ParseIgnore("lockdep.ignore", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	f := fixtures()["circular"]
	if !g.Match(&f) {
		t.Error("no match")
	}
	var got []string
	for _, r := range g.Unused() {
		got = append(got, r.Pos()+" "+r.String())
	}
	want := []string{
		"lockdep.ignore:5 exit-held work.mu  # the process ends then",
		"lockdep.ignore:6 recursive pkg.F[...] f.go:12  # a class that has only its site for a name",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var none *Ignore
	if none.Match(&f) || none.Unused() != nil {
		t.Error("no ignore file takes something")
	}
}

func TestIgnoreErrors(t *testing.T) {
	const form = "; write [KIND] CLASS -> CLASS  # REASON"
	const kinds = form + ", where KIND is one of circular, recursive, recursive-read, same-class, exit-held, assert-held, assert-not-held, stuck, wait"
	for _, c := range []struct{ line, want string }{
		{"a.mu -> b.mu", `f:2: the reason is missing: end the line with "# why this is no deadlock"` + form},
		{"a.mu -> b.mu  # ", `f:2: the reason is missing: end the line with "# why this is no deadlock"` + form},
		{"a.mu -> # x", `f:2: a class is missing beside "->"` + form},
		{"recursive # x", "f:2: no class is named" + form},
		{"recursive->a # x", "f:2: recursive is a kind; a class is missing" + form},
		{"a.mu b.mu # x", `f:2: "a.mu b.mu" is no class` + kinds},
		{"round a.mu -> b.mu # x", `f:2: "round a.mu" is no class` + kinds},
		{"a\xff -> b # x", `f:2: "a\xff -> b # x" is not UTF-8 text`},
	} {
		g, err := ParseIgnore("f", strings.NewReader("x -> y # fine\n"+c.line+"\nz -> y # fine"))
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: got  %v\nwant %s", c.line, err, c.want)
		}
		if n := len(g.Unused()); n != 2 {
			t.Errorf("%q: %d right rules, want 2", c.line, n)
		}
	}
	_, err := ParseIgnore("f", strings.NewReader("a\nb\n"))
	if n := strings.Count(fmt.Sprint(err), "the reason is missing"); n != 2 {
		t.Errorf("%d of 2 wrong lines named: %v", n, err)
	}
}

func FuzzParseIgnore(f *testing.F) {
	f.Add("# c\n\na.mu -> b.mu # why\nrecursive c.mu # why\n")
	f.Add("exit-held pkg.F[...] f.go:1 # why # twice\n* -> a->*#x")
	f.Add("a\nb->\n-> #\n")
	finding := fixtures()["circular"]
	f.Fuzz(func(t *testing.T, text string) {
		g, _ := ParseIgnore("f", strings.NewReader(text))
		var b strings.Builder
		for _, r := range g.Unused() {
			b.WriteString(r.String() + "\n")
		}
		again, err := ParseIgnore("f", strings.NewReader(b.String()))
		if err != nil {
			t.Fatalf("what was read does not read again: %v\n%s", err, b.String())
		}
		for i, r := range g.Unused() {
			x := again.Unused()[i]
			if x.String() != r.String() || x.Kind != r.Kind || !cmp.Equal(x.Classes, r.Classes) {
				t.Errorf("%+v came back as %+v", r, x)
			}
		}
		if g.Match(&finding) != again.Match(&finding) {
			t.Error("what was read matches differently when read again")
		}
	})
}
