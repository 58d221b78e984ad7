package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestSkipPattern(t *testing.T) {
	m := module{skips: []skipped{{"TestA", ""}, {"TestB/x.y", ""}, {"TestC...", ""}}}
	if got, want := m.selection(), []string{`-skip=^TestA$|^TestB$/^x\.y$|^TestC`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Every module of the table is pinned in go.mod, has a name of its own, gives a
// reason for each test it leaves out, and for a subset.
func TestModules(t *testing.T) {
	b, err := output(exec.Command("go", "mod", "edit", "-json"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range modules {
		if names[m.name] || strings.ContainsAny(m.name, "/, ") {
			t.Errorf("%s: name is not unique or not fit for a path", m.name)
		}
		names[m.name] = true
		if !strings.Contains(string(b), `"`+m.path+`"`) {
			t.Errorf("%s: %s is not in go.mod", m.name, m.path)
		}
		if m.timeout == 0 {
			t.Errorf("%s: no timeout", m.name)
		}
		if m.why == "" && (m.run != "" || m.short || !slices.Equal(m.packages, []string{"./..."})) {
			t.Errorf("%s: a subset without a reason", m.name)
		}
		for _, s := range m.skips {
			if s.why == "" {
				t.Errorf("%s: %s is left out without a reason", m.name, s.test)
			}
		}
	}
}

func TestMarkdown(t *testing.T) {
	r := row{module: &module{path: "example.com/m"}, version: "v1.0.0", packages: 2, tests: map[outcome]int{pass: 3, skip: 1}}
	const want = "| example.com/m v1.0.0 | 2 | 4, 1 skip | – | – | – | – | – | – | – | – | – | – | – | – | – |\n"
	if got := r.markdown(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	if strings.Count(r.markdown(), "|") != strings.Count(strings.Split(tableHead, "\n")[0], "|") {
		t.Error("the row does not fit the head")
	}
}
