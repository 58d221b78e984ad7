package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/golockdep/lockdep/engine"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

const ident = "lockdep v0.1 go1.26.8 example.org/shop/index.test"

func checkGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-rewrite to refresh), -want +got:\n%s", file, diff)
	}
}

// TestGolden holds every form of every fixture but SARIF, which has a file of
// its own. Colours are shown as <red>, <yellow>, <bold> and </>.
func TestGolden(t *testing.T) {
	facts := map[string]Facts{"circular": {Before: 4, After: 1}}
	for name, f := range fixtures() {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			section := func(title string, write func() error) {
				fmt.Fprintf(&b, "-- %s --\n", title)
				if err := write(); err != nil {
					t.Fatal(err)
				}
			}
			section("color", func() error {
				var c bytes.Buffer
				err := Text(&c, &f, ident, true)
				b.WriteString(strings.NewReplacer(sgrRed, "<red>", sgrYellow, "<yellow>", sgrBold, "<bold>", sgrReset, "</>").Replace(c.String()))
				return err
			})
			section("explain", func() error { return Explain(&b, &f, facts[name]) })
			section("dot", func() error { return WriteDOT(&b, &f) })
			section("jsonl", func() error { return WriteJSONL(&b, []Finding{f}) })
			checkGolden(t, name+".golden", b.Bytes())
		})
	}
}

// TestTextPlain holds that without colour the text is the engine's.
func TestTextPlain(t *testing.T) {
	for name, f := range fixtures() {
		var b bytes.Buffer
		if err := Text(&b, &f, ident, false); err != nil {
			t.Fatal(err)
		}
		if want := string(f.AppendText(nil, ident)); b.String() != want {
			t.Errorf("%s: text differs from the engine's:\n%s", name, b.String())
		}
	}
}

func TestBoldWholeNames(t *testing.T) {
	got := string(appendBold(nil, []byte("(s.mu) s.mu2 a.s.mu s.mu"), []string{"s.mu2", "s.mu"}))
	want := "(\x1b[1ms.mu\x1b[0m) \x1b[1ms.mu2\x1b[0m a.s.mu \x1b[1ms.mu\x1b[0m"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestGraphDOT(t *testing.T) {
	f := fixtures()["circular"]
	edges := []engine.Edge{
		{From: "x/s.A", To: "x/s.B", Samples: 3, First: f.Sides[1]},
		{From: "x/s.B", To: "x/s.C", Samples: 1},
		{From: "x/s.C", To: "x/s.A", Samples: 1, Back: true},
		{From: "x/s.C", To: "x/s.D", Samples: 1},
		{From: "x/s.D", To: "x/s.D", Samples: 2},
		{From: `x/s.F "q" f.go:1`, To: "x/s.A", Samples: 1},
	}
	var b, reversed bytes.Buffer
	if err := WriteGraphDOT(&b, edges); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "graph.dot", b.Bytes())
	for i, j := 0, len(edges)-1; i < j; i, j = i+1, j-1 {
		edges[i], edges[j] = edges[j], edges[i]
	}
	if err := WriteGraphDOT(&reversed, edges); err != nil {
		t.Fatal(err)
	}
	if b.String() != reversed.String() {
		t.Error("the order of edges shows in the picture")
	}
}

// TestRepairSide holds that the repair is for the rarer order.
func TestRepairSide(t *testing.T) {
	f := fixtures()["circular"]
	for _, c := range []struct {
		facts        Facts
		repair, last string
	}{
		{Facts{}, "take store.Store.mu before index.Index.mu in Rebuild, or let go of index.Index.mu before calling Store.Flush.", ""},
		{Facts{1, 1}, "in Rebuild", "comes before index.Index.mu only here, and after it only here."},
		{Facts{2, 1}, "in Rebuild", "in 1 other place and after it only here."},
		{Facts{1, 3}, "take index.Index.mu before store.Store.mu in Store.Put", "comes after index.Index.mu in 2 other places and before it only here."},
		{Facts{5, 3}, "in Rebuild", "in 5 places and after it in 3."},
	} {
		if got := repair(&f, c.facts); !strings.Contains(got, c.repair) {
			t.Errorf("%+v: repair is %q, want %q in it", c.facts, got, c.repair)
		}
		if got := graphSentence(&f, c.facts); !strings.HasSuffix(got, c.last) {
			t.Errorf("%+v: last sentence is %q, want %q", c.facts, got, c.last)
		}
	}
}

func TestFuncName(t *testing.T) {
	for fn, want := range map[string]string{
		"example.org/shop/store.(*Store).Put":     "Store.Put",
		"example.org/shop/v2.Run":                 "Run",
		"main.main.func1.2":                       "main",
		"main.F.gowrap1":                          "F",
		"a/b.(*List[...]).Add.func2":              "List.Add",
		"a/b.Map[go.shape.int,a/c.T].Get":         "Map[go.shape.int,a/c.T].Get",
		"a/b.Walk.func1-range1":                   "Walk",
		"":                                        "",
		"example.org/x.init.0":                    "init",
		"example.org/shop/store.Function.funcall": "Function.funcall",
	} {
		if got := funcName(fn); got != want {
			t.Errorf("funcName(%q) = %q, want %q", fn, got, want)
		}
	}
}
