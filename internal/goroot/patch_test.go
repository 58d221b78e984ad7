package goroot

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// releases returns the toolchains in which the anchors must be found: the local one
// and those supported ones that the module cache has.
func releases(t *testing.T) []string {
	t.Helper()
	list := []string{"local"}
	tc := localToolchain(t)
	prefix := filepath.Join(tc.modCache, "golang.org", "toolchain@v0.0.1-")
	dirs, err := filepath.Glob(prefix + "*." + tc.hostOS + "-" + tc.hostArch)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		release := strings.TrimSuffix(strings.TrimPrefix(d, prefix), "."+tc.hostOS+"-"+tc.hostArch)
		if checkVersion(release) == nil && release != tc.version {
			list = append(list, release)
		}
	}
	return list
}

func toolchainOf(t *testing.T, release string) *toolchain {
	if release == "local" {
		return localToolchain(t)
	}
	return otherToolchain(t, release)
}

func TestPatchReleases(t *testing.T) {
	for _, release := range releases(t) {
		t.Run(release, func(t *testing.T) {
			tc := toolchainOf(t, release)
			files, err := patchAll(tc)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range anchors {
				old, err := os.ReadFile(filepath.Join(tc.root, "src", a.path))
				if err != nil {
					t.Fatal(err)
				}
				changed := sameLines(t, a.path, old, files["src/"+a.path])
				if changed == 0 && release == "local" || changed > 20 { // some operations are for later releases only
					t.Errorf("%s: %d lines changed", a.path, changed)
				}
			}
		})
	}
}

// sameLines checks that every declaration and statement of old starts on the
// same line in patched, and counts the lines that differ.
func sameLines(t *testing.T, path string, old, patched []byte) (changed int) {
	t.Helper()
	was, is := strings.Split(string(old), "\n"), strings.Split(string(patched), "\n")
	for i := range was {
		if i < len(is) && was[i] != is[i] {
			changed++
		}
	}
	before, after := starts(t, path, old), starts(t, path, patched)
	for line := range before {
		if !after[line] {
			t.Errorf("%s:%d: nothing starts here any more: %q", path, line, is[line-1])
		}
	}
	end := len(was)
	for line := range after {
		if !before[line] && line < end && strings.TrimSpace(was[line-1]) != "}" {
			t.Errorf("%s:%d: something new starts here: %q", path, line, is[line-1])
		}
	}
	return changed
}

// starts returns the lines on which a statement or a function begins.
func starts(t *testing.T, path string, text []byte) map[int]bool {
	t.Helper()
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, path, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[int]bool{}
	ast.Inspect(syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case ast.Stmt, *ast.FuncDecl:
			lines[fset.Position(n.Pos()).Line] = true
		}
		return true
	})
	return lines
}

// A doctored file gives an error that names file, function and release.
func TestAnchorErrors(t *testing.T) {
	tc := localToolchain(t)
	tests := []struct{ path, old, with, fn, reason string }{
		{"sync/mutex.go", "func (m *Mutex) Unlock()", "func (m *Mutex) Release()", "(*Mutex).Unlock", "function not found"},
		{"runtime/runtime2.go", "type g struct", "type gee struct", "g", "struct type not found"},
		{"sync/rwmutex.go", "\trw.w.Lock()\n", "\trw.w.Acquire()\n", "(*RWMutex).Lock", `"rw.w.Lock()" not found`},
		{"sync/rwmutex.go", "if rw.readerCount.Add(1) < 0 {", "if rw.readerCount.Add(2) < 0 {", "(*RWMutex).RLock", "not found"},
		{"sync/rwmutex.go", "\trw.w.Lock()\n", "\trw.w.Lock(); if false { return }\n", "(*RWMutex).Lock", "return statement"},
		{"runtime/proc.go", "\tfn := main_main ", "\tfn := main_main; fn = main_main; { fn := main_main; fn() } ", "main", "found 2 times"},
		{"runtime/proc.go", "newg.parentGoid = callergp.goid", "newg.parentGoid = callergp.id", "newproc1", "not found"},
		{"testing/testing.go", "package testing", "package testing ]", "", "expected"},
		{"reflect/deepequal.go", "v1.Field(i), v2.Field(i)", "v1.Field(i), v2.Field(0+i)", "deepValueEqual", "not found"},
	}
	for _, test := range tests {
		text, err := os.ReadFile(filepath.Join(tc.root, "src", test.path))
		if err != nil {
			t.Fatal(err)
		}
		doctored := strings.Replace(string(text), test.old, test.with, 1)
		if doctored == string(text) {
			t.Fatalf("%s: %q is not there to be replaced", test.path, test.old)
		}
		for _, a := range anchors {
			if a.path != test.path {
				continue
			}
			_, err := patchFile(a.path, []byte(doctored), "go1.26.99", a.ops)
			var anchor *AnchorError
			if !errors.As(err, &anchor) {
				t.Errorf("%s: %s: got error %v, want an AnchorError", test.path, test.fn, err)
				continue
			}
			if anchor.File != test.path || anchor.Func != test.fn || anchor.GoVersion != "go1.26.99" || !strings.Contains(anchor.Reason, test.reason) {
				t.Errorf("%s: got %+v, want function %s and reason %q", test.path, *anchor, test.fn, test.reason)
			}
			if !strings.Contains(err.Error(), "GOTOOLCHAIN=") {
				t.Errorf("%q has no remedy", err)
			}
		}
	}
}

func TestNorace(t *testing.T) {
	const in = `package p

// F does.
//
//go:nosplit
func F() {}

func G()

type T int

func (t T) M() {
	_ = 1
} // tail
func H() {}
`
	const want = `package p

// F does.
//
//go:nosplit
//go:norace
func F() {}

func G()

type T int

//go:norace
func (t T) M() {
	_ = 1
} // tail
//go:norace
func H() {}
`
	got, err := addNorace("p.go", []byte(in))
	if err != nil || string(got) != want {
		t.Errorf("got error %v and\n%s", err, got)
	}
}

// The pragma does not reach function literals, so the validator has none. Nor does
// it reach what the compiler makes of copy(a, b) and append(a, b...) in a build with
// -race, a call that tells the race detector of both: there is none where a may be
// memory of several goroutines, which the validator's lock orders and nothing that
// the race detector knows. A local variable holds memory of one goroutine.
func TestNoraceReachesEverything(t *testing.T) {
	files, err := shipped.files()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if !strings.HasPrefix(name, "src/"+liveDir+"/") || !strings.HasSuffix(name, ".go") {
			continue
		}
		fset := token.NewFileSet()
		syntax, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			if lit, ok := n.(*ast.FuncLit); ok {
				t.Errorf("%s: function literal", fset.Position(lit.Pos()))
			}
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			_, local := call.Args[0].(*ast.Ident)
			switch f, _ := call.Fun.(*ast.Ident); {
			case f == nil || own[filepath.Base(name)]:
			case f.Name == "copy" && !local, f.Name == "append" && call.Ellipsis.IsValid() && shared(call.Args[0]):
				t.Errorf("%s: the race detector hears of this copy; write a loop, or runtime.LockdepJoin", fset.Position(call.Pos()))
			}
			return true
		})
	}
}

// own are files whose copies are of one goroutine's memory, or of tables outside of
// the Go heap and the program's data, which the race detector does not follow.
var own = map[string]bool{
	"task.go":     true, // held stacks
	"lockstat.go": true, // a result that is sorted
	"json.go":     true, // the text of one page
	"pages.go":    true,
}

// shared reports whether the memory of x may be another goroutine's, too: it is
// reached through a field.
func shared(x ast.Expr) bool {
	_, field := x.(*ast.SelectorExpr)
	return field
}

func TestVersions(t *testing.T) {
	for release, want := range map[string]string{
		"go1.24":                  "",
		"go1.24.9":                "",
		"go1.26rc1":               "",
		"go1.26.8":                "",
		"go1.25.3-vendor":         "",
		"go1.23.4":                "a newer one too",
		"go1.27.4":                "",
		"go2.0":                   "",
		"devel":                   "select a release",
		"go1.28rc1":               "",
		"go1.28-devel_0123456789": "",
	} {
		err := checkVersion(release)
		var v *VersionError
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", release, err)
		case want != "" && !errors.As(err, &v):
			t.Errorf("%s: got error %v, want a VersionError", release, err)
		case want != "" && !strings.Contains(err.Error(), want):
			t.Errorf("%s: %q does not say %q", release, err, want)
		}
	}
}
