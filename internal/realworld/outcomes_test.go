package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// events writes a stream of test events from lines "action package test [output]".
func events(lines ...string) string {
	var b strings.Builder
	for i, line := range lines {
		f := strings.SplitN(line, " ", 4)
		f = append(f, make([]string, 4-len(f))...)
		b.WriteString(`{"Time":"` + time.Unix(int64(i), 0).UTC().Format(time.RFC3339) + `","Action":"` + f[0] + `","Package":"` + f[1] +
			`","Test":"` + f[2] + `","Output":"` + f[3] + `"}` + "\n")
	}
	return b.String()
}

func parse(t *testing.T, lines ...string) *outcomes {
	t.Helper()
	o, err := parseOutcomes(strings.NewReader(events(lines...)))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestParseOutcomes(t *testing.T) {
	in := events("start p", "run p A", "run p A/x", "pass p A/x", "pass p A", "run p B", "output p B     lockdep: cycle", "fail p B", "skip p C", "run p D", "fail p")
	o, err := parseOutcomes(strings.NewReader("stray\n" + in))
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[testID]outcome{
		{"p", ""}: fail, {"p", "A"}: pass, {"p", "A/x"}: pass, {"p", "B"}: fail, {"p", "C"}: skip, {"p", "D"}: cut,
	} {
		if got := o.of[id]; got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	if !o.found[testID{"p", "B"}] || len(o.found) != 1 {
		t.Errorf("failed by a finding: %v, want p.B alone", o.found)
	}
	if o.strays != 1 || o.span != 10*time.Second {
		t.Errorf("strays %d, span %v; want 1, 10s", o.strays, o.span)
	}
	packages, tests := o.count()
	if packages != 1 || tests[pass] != 2 || tests[fail] != 1 || tests[skip] != 1 || tests[cut] != 1 {
		t.Errorf("count: %d packages, %v", packages, tests)
	}
}

func TestParseOutcomesReturnsWhatItReadBeforeTheFault(t *testing.T) {
	fault := errors.New("fault")
	o, err := parseOutcomes(io.MultiReader(strings.NewReader(events("run p A", "pass p A")), iotest.ErrReader(fault)))
	if !errors.Is(err, fault) || o.of[testID{"p", "A"}] != pass {
		t.Errorf("got %v, %v", o.of, err)
	}
}

func TestCompare(t *testing.T) {
	ok := []string{"start p", "run p A", "pass p A", "pass p"}
	for _, test := range []struct {
		name    string
		plain   []string
		lockdep []string
		want    string
	}{
		{"same", ok, ok, ""},
		{"both fail", []string{"fail p A", "fail p"}, []string{"fail p A", "fail p"}, ""},
		{
			"a subtest explains its test and package",
			[]string{"pass p A/x/y", "pass p A/x", "pass p A", "pass p"},
			[]string{"fail p A/x/y", "fail p A/x", "fail p A", "fail p"},
			"p.A/x/y: differs, plain pass, lockdep fail",
		},
		{"absent", ok, []string{"start p", "fail p"}, "p.A: differs, plain pass, lockdep absent"},
		{"the package alone", ok, []string{"pass p A", "fail p"}, "p: differs, plain pass, lockdep fail"},
		{"by a finding", ok, []string{"output p A     lockdep: cycle", "fail p A", "fail p"}, "p.A: fails by a finding, plain pass, lockdep fail"},
		{"two tests of one name", ok, []string{"run p A", "fail p A", "run p A", "pass p A", "pass p"}, "p.A: differs, plain pass, lockdep fail"},
		{"cut off", ok, []string{"run p A", "fail p"}, "p.A: differs, plain pass, lockdep cut"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, d := range compare(parse(t, test.plain...), parse(t, test.lockdep...)) {
				got = append(got, d.String())
			}
			if s := strings.Join(got, "\n"); s != test.want {
				t.Errorf("got:\n%s\nwant:\n%s", s, test.want)
			}
		})
	}
}

func TestSettle(t *testing.T) {
	passes, fails := parse(t, "pass p A"), parse(t, "fail p A")
	for _, test := range []struct {
		name    string
		plain   []*outcomes
		lockdep *outcomes
		want    verdict
	}{
		{"repeated", []*outcomes{passes, passes}, fails, differs},
		{"not repeated under lockdep", []*outcomes{passes, passes}, passes, unsettled},
		{"not repeated in plain", []*outcomes{passes, fails}, fails, flaky},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := compare(passes, fails)[0]
			if d.settle(test.plain, test.lockdep); d.verdict != test.want {
				t.Errorf("%s, want %s", d.verdict, test.want)
			}
		})
	}
}

// Subtests that are drawn at random are no difference, where plain Go's own runs show that.
func TestDrawn(t *testing.T) {
	one, two, three := parse(t, "pass p A", "pass p A/1"), parse(t, "pass p A", "pass p A/2"), parse(t, "pass p A", "pass p A/3")
	settled := func(first, lockdep *outcomes, plain ...*outcomes) (vs []verdict) {
		for _, d := range compare(first, lockdep) {
			d.settle(plain, lockdep)
			vs = append(vs, d.verdict)
		}
		return vs
	}
	if got := settled(one, three, one, two); !slices.Equal(got, []verdict{flaky, drawn}) {
		t.Errorf("drawn in plain: %v", got)
	}
	if got := settled(one, three, one, one); !slices.Equal(got, []verdict{differs, differs}) {
		t.Errorf("not drawn in plain: %v", got)
	}
	failed := parse(t, "fail p A", "fail p A/1")
	if got := settled(one, failed, one, two); len(got) != 1 || got[0] == drawn {
		t.Errorf("a failure is not drawn: %v", got)
	}
}
