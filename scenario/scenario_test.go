package scenario

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golockdep/lockdep/report/splat"
)

func files(t testing.TB) []string {
	t.Helper()
	list, err := filepath.Glob("../scenarios/*.txt")
	seeds, _ := filepath.Glob("../scenarios/*/*.txt")
	if list = append(list, seeds...); err != nil || len(list) < 6 {
		t.Fatalf("scenarios: %d files, %v", len(list), err)
	}
	return list
}

// TestScenarios compares every scenario with its golden output, and sees that what is printed is a report that the
// reader of reports understands whole.
func TestScenarios(t *testing.T) {
	for _, file := range files(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			results, err := Run(file, string(text), Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if got := r.Kernel(); !r.HasGold || got != r.Golden {
					t.Errorf("%s:%d: %s: got\n%s\nwant\n%s", file, r.Line, r.Name, got, r.Golden)
				}
				for _, rep := range r.Reports {
					if strings.HasPrefix(rep.Title, "BUG: unable to handle") {
						continue // a fault of the kernel, no report of the validator
					}
					var b bytes.Buffer
					if err := rep.Kernel(&b); err != nil {
						t.Fatal(err)
					}
					back, err := splat.Parse(&b)
					if err != nil || len(back) != 1 {
						t.Fatalf("%s: read back: %d reports, %v", r.Name, len(back), err)
					}
					if back[0].Summary() != rep.Summary() || len(back[0].Cut()) > 0 {
						t.Errorf("%s: read back %s, printed %s", r.Name, back[0].Summary(), rep.Summary())
					}
				}
			}
			var b strings.Builder
			if err := Rewrite(&b, results); err != nil || b.String() != string(text) {
				t.Errorf("rewriting changes the file, %v", err)
			}
		})
	}
}

// TestErrors holds what is said about bad input, and where.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"bogus A", `f:1:1: unknown word "bogus", want a declaration: completion, `},
		{"task t {\n\tlok A\n}", `f:2:2: unknown word "lok", want one of: `},
		{"task t { lock A }", "f:1:15: lock: lock A is not declared"},
		{"mutex A A", "f:1:9: A is declared twice"},
		{"mutex A; func A { }", "f:1:15: func: A is a lock already, want another name"},
		{"mutex", "f:1:1: mutex needs a name"},
		{"mutex A\ntask t { lock A sub=9 }", `f:2:17: lock: subclass "9", want a number from 0 to 7`},
		{"mutex A\ntask t { lock A now }", `f:2:17: "now" is not expected, lock takes lock sub=sub? nest=lock?`},
		{"task t {\n lock", "f:1:8: { is not closed, want } before the end of the scenario"},
		{"task t { } }", "f:1:12: } closes nothing"},
		{"scenario \"x", `f:1:10: a quoted text has no end, want "`},
		{"task t { mutex A }", "f:1:10: mutex is declared here, but declarations stand outside"},
		{"lock A", "f:1:1: lock has to stand in a task or a func"},
		{"func f { f() }; task t { f() }", "calls are nested deeper than 100"},
		{"mutex M; task t { read M }", "f:1:19: M is a mutex, which has no readers"},
		{"spin L; task t { lock_irq L; hardirq { } }", "interrupts are off here"},
		{"spin L; task t { lock L; unlock_irqrestore L }", "no flags are saved"},
		{"task t { bh on }", "bottom halves are on"},
		{"workqueue q; func f { }; work w q f; task t { run_work w }", "w is not queued"},
		{"task t { irq maybe }", `irq: "maybe", want on or off or save or restore`},
		{"\xff\xfe", "f:1:1: this is no text"},
		{strings.Repeat("task t { ", 200), "nested deeper than 100"},
	} {
		_, err := Run("f", c.text, Options{})
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: %v, want %q", c.text, err, c.want)
		}
	}
}

// TestDepth takes 49 locks of 49 classes, one more than a task may hold.
func TestDepth(t *testing.T) {
	text, body := "mutex", "task t {"
	for i := range 49 {
		n := " L" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		text += n
		body += " lock" + n + ";"
	}
	results, err := Run("f", text+"\n"+body+"}\n", Options{})
	if err != nil || len(results[0].Reports) != 1 {
		t.Fatalf("%v, %v", results, err)
	}
	if out := results[0].Kernel(); !strings.HasPrefix(out, "BUG: MAX_LOCK_DEPTH too low!\n") || !strings.Contains(out, "depth: 48  max: 48!") {
		t.Errorf("got %s", out)
	}
}

// TestInGo: a cycle in the words of a report about a Go program; what Go has not comes in the kernel's.
func TestInGo(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"gomutex A B\nfunc first { lock A; lock B; unlock B; unlock A }\ntask one { first() }\ntask two { lock B; lock A }\n", []string{
			"two (goroutine 2) is trying to acquire lock:\n (A){W}, at: two  f:4\n", "-> #1 (B){W}:    in one\n       first ", "<- holding A since f:2\n",
		}},
		{"gorwmutex A\ntask one { read A; lock A }\n", []string{"possible recursive locking detected", "(A){R}, at: one  f:2"}},
		{"gomutex A\ntask one { lock A; exit }\n", []string{"goroutine ended with a lock held", "(A){W}"}},
		{"gomutex A\ntask one { unlock A }\n", []string{"bad unlock balance detected!\n6.12.0-scenario"}},
		{"gomutex A\ntask one { lock A; unlock A }\n", []string{"silent\n"}},
	} {
		results, err := Run("f", c.text, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range c.want {
			if got := results[0].InGo(); !strings.Contains(got, w) || strings.Contains(got, "level:") {
				t.Errorf("%s: want %q in\n%s", c.text, w, got)
			}
		}
	}
}

func FuzzRun(f *testing.F) {
	for _, file := range files(f) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
		for _, p := range split(string(text)) {
			f.Add(p.source)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, mode := range Modes {
			results, err := Run("f", text, Options{Mode: mode, Schedules: 50})
			var e *Error
			if err != nil && (!errors.As(err, &e) || e.Line < 1 || e.Col < 1) {
				t.Fatalf("%v has no place", err)
			}
			for _, r := range results {
				r.Kernel()
			}
		}
	})
}
