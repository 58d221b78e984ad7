package engine

import (
	"fmt"
	"strings"
	"testing"
)

// TestReaders has the readers that wait for each other only with a writer between
// them: what each writer is worth. The verdict over the file is the same.
func TestReaders(t *testing.T) {
	const again, cycle = "recursive-read %s A->A", "circular %s B->A A->B"
	for _, c := range []struct{ name, text, form, want string }{
		{"another goroutine writes before", "1+A 1-A 2rA 2rA", again, "likely"},
		{"another goroutine writes after", "2rA 2rA 2uA 2uA 1+A 1-A", again, "likely"},
		{"another instance is written before", "1+A1 1-A1 2rA2 2rA2", again, "possible"},
		{"another instance is written after", "2rA2 2rA2 2uA2 2uA2 1+A1 1-A1", again, "possible"},
		{"another instance, then this one", "1+A1 1-A1 2rA2 2rA2 2uA2 2uA2 3+A2", again, "likely"},
		{"this one, after another instance", "1+A1 1-A1 3+A2 3-A2 2rA2 2rA2", again, "likely"},
		{"this one, by two goroutines before", "1+A1 1-A1 2+A2 2-A2 3+A2 3-A2 2rA2 2rA2", again, "likely"},
		{"this one, under another lock", "1+A1 1-A1 3+C 3+A2 3-A2 3-C 2rA2 2rA2", again, "likely"},

		// One goroutine is not three parties.
		{"the reader writes before", "1+A 1-A 1rA 1rA", again, "possible"},
		{"the reader writes after", "1rA 1rA 1uA 1uA 1+A 1-A", again, "possible"},
		{"the reader writes, then another", "1rA 1rA 1uA 1uA 1+A 1-A 2+A", again, "likely"},
		{"the reader writes, then another reads", "1+A 1-A 1rA 1rA 1uA 1uA 2rA 2rA", again, "likely"},
		{"the reader writes, another reads, one writes", "1rA 1rA 1uA 1uA 2rA 2rA 2uA 2uA 1+A", again, "likely"},

		// What is over before a go statement cannot meet what runs behind it.
		{"a constructor writes", "1+A 1-A 1m2 2rA 2rA", again, ""},
		{"a constructor writes twice", "1+A 1-A 1+A 1-A 1m2 2rA 2rA", again, ""},
		{"a constructor of a parent", "1+A 1-A 1m2 2+Z 2-Z 2m3 3rA 3rA", again, ""},
		{"a constructor that ended", "1+A 1-A 1m2 1e 2rA 2rA", again, ""},
		{"a constructor, by way of one without locks", "1+A 1-A 1m2 2m3 3rA 3rA", again, ""},
		{"constructors of two locks", "1+A1 1-A1 1+A2 1-A2 1m2 2rA2 2rA2", again, ""},
		{"the constructor writes later, too", "1+A 1-A 1m2 1+A 1-A 2rA 2rA", again, "likely"},
		{"the constructor writes after the readers", "1+A 1-A 1m2 2rA 2rA 2uA 2uA 1+A", again, "likely"},
		{"the first writer is no constructor", "1m2 1m3 2+A 2-A 3rA 3rA", again, "likely"},
		{"a constructor reads twice", "1+A 1-A 1rA 1rA 1uA 1uA", again, "possible"},
		{"the reader makes the writer", "1rA 1rA 1uA 1uA 1m2 2+A 2-A", again, "possible"},
		{"the reader makes the writer, and reads again", "1rA 1rA 1uA 1uA 1m2 2+A 2-A 1rA 1rA", again, "likely"},
		{"the reader makes the writer, and read again before", "1rA 1rA 1uA 1uA 1m2 1rA 1rA 1uA 1uA 2+A 2-A", again, "likely"},

		// Locks that keep the writer out.
		{"a common gate", "1+G 1+A 1-A 1-G 2+G 2rA 2rA", again, ""},
		{"a common gate, written before and after", "1+A1 1-A1 1+G 1+A 1-A 1-G 2+G 2rA 2rA 2uA 2uA 2-G 3+G 3+A", again, "possible"},
		{"a gate that is only read", "1rG 1+A 1-A 1uG 2rG 2rA 2rA", again, "likely"},

		// Tries.
		{"a try does not queue", "1tA 1-A 2rA 2rA", again, ""},
		{"the first reader tried", "1+A 1-A 2yA 2rA", again, "likely"},
		{"the second reader tries", "1+A 1-A 2rA 2yA", again, ""},

		// Readers on two sides of a cycle.
		{"cycle, a third writes before", "1+A 1-A 2rA 2+B 2-B 2uA 3+B 3rA", cycle, "likely"},
		{"cycle, a third writes after", "2rA 2+B 2-B 2uA 3+B 3rA 3uA 3-B 1+A", cycle, "likely"},
		{"cycle, another instance is written", "1+A1 1-A1 2rA2 2+B 2-B 2uA2 3+B 3rA2", cycle, "possible"},
		{"cycle, another instance, then this one", "1+A1 1-A1 2rA2 2+B 2-B 2uA2 3+B 3rA2 3uA2 3-B 4+A2", cycle, "likely"},
		{"cycle, this one, after another instance", "1+A1 1-A1 4+A2 4-A2 2rA2 2+B 2-B 2uA2 3+B 3rA2", cycle, "likely"},
		{"cycle, a side writes", "2+A 2-A 2rA 2+B 2-B 2uA 3+B 3rA", cycle, "possible"},
		{"cycle, a side writes, then a third", "2+A 2-A 2rA 2+B 2-B 2uA 3+B 3rA 3uA 3-B 4+A", cycle, "likely"},
		{"cycle, a constructor writes", "1+A 1-A 1m2 1m3 2rA 2+B 2-B 2uA 3+B 3rA", cycle, ""},
		{"cycle, the constructor writes later, too", "1+A 1-A 1m2 1m3 1+A 1-A 2rA 2+B 2-B 2uA 3+B 3rA", cycle, "likely"},
		{"cycle, a try", "1tA 1-A 2rA 2+B 2-B 2uA 3+B 3rA", cycle, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := ""
			if c.want != "" {
				want = fmt.Sprintf(c.form, c.want)
			}
			v, journal := acts(t, c.text)
			// Which side a cycle begins with is the order's, and a recursion is told for each site.
			plain := strings.NewReplacer("A->B B->A", "B->A A->B", "recursive-read possible A->A; recursive-read likely", "recursive-read likely")
			if got := plain.Replace(said(v)); got != want {
				t.Errorf("%s\ngot  %q\nwant %q", c.text, got, want)
			}
			w := New(SmallLimits(), Host{})
			if err := replay(w, journal); err != nil {
				t.Fatal(err)
			}
			if got := plain.Replace(said(w)); got != want {
				t.Errorf("%s\nby its file %q\nwant %q", c.text, got, want)
			}
		})
	}
}
