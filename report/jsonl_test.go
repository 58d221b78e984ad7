package report

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/golockdep/lockdep/engine"
)

func jsonl(t testing.TB, findings []Finding) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteJSONL(&b, findings); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestJSONLRoundTrip(t *testing.T) {
	want := slices.Collect(maps.Values(fixtures()))
	got, err := ReadJSONL(bytes.NewReader(jsonl(t, want)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestWhyRoundTrip goes through every reason and level that the engine has
// words for: each has its own, and below proved none is empty.
func TestWhyRoundTrip(t *testing.T) {
	var all engine.Why
	for bit := engine.Why(1); bit != 0; bit <<= 1 {
		if whyText(&Finding{Why: bit}) == "" {
			break
		}
		all |= bit
		if got, err := parseWhy(whyText(&Finding{Why: bit})); err != nil || got != bit {
			t.Errorf("reason %#x comes back as %#x, %v", bit, got, err)
		}
	}
	if all&engine.WhyHandoff == 0 {
		t.Errorf("the engine has words for %#x only", all)
	}
	if got, err := parseWhy(whyText(&Finding{Why: all})); err != nil || got != all {
		t.Errorf("reasons %#x come back as %#x, %v", all, got, err)
	}
	for _, d := range Docs() {
		for l := engine.Suppressed; l <= engine.Proved; l++ {
			words := whyText(&Finding{Kind: d.Kind, Level: l})
			if words == "" {
				t.Errorf("no reason for %s at %s", d.Kind, l)
			}
			if got, err := parseWhy(words); err != nil || got != 0 {
				t.Errorf("%q comes back as %#x, %v", words, got, err)
			}
		}
	}
}

func TestJSONLKeys(t *testing.T) {
	want := []string{"classes", "count", "gates", "id", "kind", "level", "sides", "sites", "stacks", "tests", "title", "why"}
	for line := range bytes.Lines(jsonl(t, append(sortedFixtures(), Finding{Sides: []engine.Side{{Writer: &engine.Side{}}}}))) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(m))); diff != "" {
			t.Errorf("keys, -want +got:\n%s", diff)
		}
		if bytes.Contains(line, []byte(":null")) {
			t.Errorf("a null in %s", line)
		}
	}
	if b := jsonl(t, nil); len(b) != 0 {
		t.Errorf("no findings give %q", b)
	}
}

func TestReadJSONLErrors(t *testing.T) {
	good := string(jsonl(t, sortedFixtures()[:1]))
	for _, c := range []struct{ name, text, want string }{
		{"not JSON", good + "\n{", "line 3: not a finding: unexpected end of JSON input"},
		{"cut off", good + good[:100], "line 2: not a finding: unexpected end of JSON input"},
		{"type", `{"count":-1}`, "line 1: not a finding: json: cannot unmarshal number -1"},
		{"kind", strings.Replace(good, `"circular"`, `"round"`, 1), `line 1: unknown kind "round"; a newer lockdep may have written it`},
		{"level", strings.Replace(good, `"likely"`, `"sure"`, 1), `line 1: unknown level "sure"; want possible, likely or proved`},
		{"why", strings.Replace(good, `"same instances, `, `"weather, `, 1), `line 1: unknown reason "weather, at least`},
		{"no sides", `{"kind":"circular","level":"likely"}`, "line 1: a finding without sides"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadJSONL(strings.NewReader(c.text))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got error %v, want %s", err, c.want)
			}
			if want := strings.Count(c.text[:max(0, strings.LastIndex(c.text, "\n{"))], "}]") > 0; want && len(got) != 1 {
				t.Errorf("%d findings before the fault, want 1", len(got))
			}
		})
	}
}

func FuzzReadJSONL(f *testing.F) {
	for _, x := range fixtures() {
		f.Add(jsonl(f, []Finding{x}))
	}
	f.Add([]byte(`{"kind":"circular","level":"likely","why":"","sides":[{"writer":{}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		first, _ := ReadJSONL(bytes.NewReader(b))
		again, err := ReadJSONL(bytes.NewReader(jsonl(t, first)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("-first +again:\n%s", diff)
		}
		for i := range first { // nothing that can be read may stop a printer
			var out bytes.Buffer
			_ = Explain(&out, &first[i], Facts{1, 2})
			_ = WriteDOT(&out, &first[i])
			_ = Text(&out, &first[i], ident, true)
		}
		if err := WriteSARIF(&bytes.Buffer{}, first, "v0", "/src"); err != nil {
			t.Error(err)
		}
	})
}
