package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golockdep/lockdep/scenario"
)

// TestScenarioFile sees what makes the command fail, and that -rewrite makes it pass.
func TestScenarioFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.txt")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(json, rewrite bool) (string, bool) {
		t.Helper()
		var b strings.Builder
		wrong, err := runScenarios(&b, file, scenario.Options{Mode: "6.12"}, false, json, rewrite)
		if err != nil {
			t.Fatal(err)
		}
		return b.String(), len(wrong) > 0
	}
	write("mutex A\ntask t { unlock A }\n")
	if out, wrong := run(false, false); !wrong || !strings.Contains(out, "WARNING: bad unlock balance detected!") {
		t.Errorf("a finding without an expected output: wrong=%v\n%s", wrong, out)
	}
	if out, _ := run(true, false); !strings.Contains(out, `"kind":"unlock-imbalance"`) {
		t.Errorf("json: %s", out)
	}
	run(false, true)
	if out, wrong := run(false, false); wrong {
		t.Errorf("after -rewrite: %s", out)
	}
	write("mutex A\ntask t { lock A }\n----\nWARNING\n----\n")
	if out, wrong := run(false, false); !wrong || !strings.Contains(out, "differs from the expected one") {
		t.Errorf("another output than expected: wrong=%v\n%s", wrong, out)
	}
	write("task t { lock A }\n")
	if _, err := runScenarios(os.Stdout, file, scenario.Options{}, false, false, true); err == nil {
		t.Error("a fault is no error")
	}
	if text, _ := os.ReadFile(file); string(text) != "task t { lock A }\n" {
		t.Errorf("a faulty file was rewritten: %q", text)
	}
}
