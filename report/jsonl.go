package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/golockdep/lockdep/engine"
)

// record is a line of a findings file. sides is the model; what else a reader
// would have to work out from it stands beside it. No list is null.
type record struct {
	ID      string           `json:"id"`
	Kind    string           `json:"kind"`
	Level   string           `json:"level"`
	Title   string           `json:"title"`
	Classes []string         `json:"classes"`
	Sites   []string         `json:"sites"`
	Stacks  [][]engine.Frame `json:"stacks"`
	Tests   []string         `json:"tests"`
	Why     string           `json:"why"`
	Count   uint32           `json:"count"`
	Gates   []string         `json:"gates"`
	Sides   []engine.Side    `json:"sides"`
}

// WriteJSONL writes a findings file: one JSON object a line and finding, with
// these keys:
//
//	id       the finding's short name, the same in every run
//	kind     circular, recursive, recursive-read, same-class, exit-held
//	level    proved, likely, possible
//	title    the first line of the text form
//	classes  full names in cycle order
//	sites    "func file:line" where they were taken, in cycle order
//	stacks   one a side: frames {func, file, line}, innermost first
//	tests    the tests that made the sides, sorted
//	why      why the level is what it is and not higher, in words
//	count    how often the closing order was seen
//	gates    classes held on every side
//	sides    the model: what each goroutine held and wanted ([engine.Side])
//
// No findings give an empty file. The error is w's.
func WriteJSONL(w io.Writer, findings []Finding) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	for i := range findings {
		f := &findings[i]
		r := record{
			ID: f.ID, Kind: f.Kind.String(), Level: f.Level.String(), Title: f.Kind.Title(),
			Classes: Classes(f), Sites: Sites(f), Tests: Tests(f), Why: whyText(f), Count: f.Count,
			Stacks: make([][]engine.Frame, len(f.Sides)),
			Gates:  append([]string{}, f.Gates...),
			Sides:  append([]engine.Side{}, f.Sides...),
		}
		for i := range r.Sides {
			r.Stacks[i] = append([]engine.Frame{}, r.Sides[i].Stack...)
			r.Sides[i] = listed(r.Sides[i])
		}
		if err := enc.Encode(&r); err != nil {
			return fmt.Errorf("writing finding %s: %w", f.ID, err)
		}
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// ReadJSONL reads a findings file. An error begins with the number of the line
// at fault, and comes with the findings of the lines before it. Keys that it
// does not know are skipped; of those that [WriteJSONL] derives from the model
// nothing is taken.
func ReadJSONL(r io.Reader) ([]Finding, error) {
	var out []Finding
	br := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := br.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			f, ferr := parseFinding(line)
			if ferr != nil {
				return out, fmt.Errorf("line %d: %w", n, ferr)
			}
			out = append(out, f)
		}
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("line %d: %w", n, err)
		}
	}
}

func parseFinding(line []byte) (Finding, error) {
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		return Finding{}, fmt.Errorf("not a finding: %w", err)
	}
	f := Finding{ID: r.ID, Kind: kindNamed(r.Kind), Count: r.Count, Sides: r.Sides, Gates: r.Gates}
	if f.Kind == 0 {
		return Finding{}, fmt.Errorf("unknown kind %q; a newer lockdep may have written it", r.Kind)
	}
	var err error
	if f.Level, err = levelNamed(r.Level); err != nil {
		return Finding{}, err
	}
	if f.Why, err = parseWhy(r.Why); err != nil {
		return Finding{}, err
	}
	if len(f.Gates) == 0 {
		f.Gates = nil
	}
	if len(f.Sides) == 0 {
		return Finding{}, errors.New("a finding without sides; was it written by something else than lockdep?")
	}
	for i := range f.Sides {
		unlisted(&f.Sides[i])
	}
	return f, nil
}

// listed is s with empty lists for nil ones; s and what it points to stay.
func listed(s engine.Side) engine.Side {
	if s.Held == nil {
		s.Held = []engine.Lock{}
	}
	if s.Stack == nil {
		s.Stack = []engine.Frame{}
	}
	if s.Writer != nil {
		w := listed(*s.Writer)
		s.Writer = &w
	}
	return s
}

// unlisted undoes [listed].
func unlisted(s *engine.Side) {
	for ; s != nil; s = s.Writer {
		if len(s.Held) == 0 {
			s.Held = nil
		}
		if len(s.Stack) == 0 {
			s.Stack = nil
		}
	}
}

func levelNamed(word string) (Level, error) {
	for l := engine.Suppressed; l <= engine.Proved; l++ {
		if l.String() == word {
			return l, nil
		}
	}
	return 0, fmt.Errorf("unknown level %q; want possible, likely or proved", word)
}

// whyText is f's reasons in words: those of the text form.
func whyText(f *Finding) string { return string(f.AppendWhy(nil)) }

const whySep = "; "

// formerReads is what older files say of a recursion of readers at likely.
const formerReads = "same instance, and a writer exists that can queue in between"

// parseWhy is the inverse of whyText. The words are the engine's own: it is
// asked for those of every reason, and for those of none.
func parseWhy(words string) (engine.Why, error) {
	var why engine.Why
	if words == "" {
		return 0, nil
	}
next:
	for word := range strings.SplitSeq(words, whySep) {
		for bit := engine.Why(1); bit != 0; bit <<= 1 {
			if word == whyText(&Finding{Why: bit}) {
				why |= bit
				continue next
			}
		}
		if word == formerReads {
			continue
		}
		for _, none := range [...]Finding{{Sides: []engine.Side{{Writer: &engine.Side{}}}}, {Level: engine.Proved}, {Kind: KindRecursiveRead}, {Kind: KindExitHeld}, {Kind: KindAssertHeld}, {Kind: KindRecursive}, {Kind: KindStuck}, {Kind: KindCircular, Level: engine.Proved}, {}} {
			if word == whyText(&none) {
				continue next
			}
		}
		return 0, fmt.Errorf("unknown reason %q in why; a newer lockdep may have written it", word)
	}
	return why, nil
}
