package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
)

// replay reads journal records into v, as the readers of graph files do.
func replay(v *Validator, b []byte) error {
	return replayKinds(v, b, func(kind uint8) bool { return true })
}

// replayKinds is replay of the observations of some kinds.
func replayKinds(v *Validator, b []byte, want func(kind uint8) bool) error {
	var (
		classes = map[uint64]ClassID{}
		sites   = map[uint64]SiteID{}
		stacks  = map[uint64]StackID{}
		tests   = map[uint64]TestID{}
		bad     = errors.New("truncated record")
		failed  bool
	)
	for len(b) > 0 {
		n, k := binary.Uvarint(b)
		if k <= 0 || uint64(len(b)-k) < n+4 {
			return bad
		}
		typ, p, sum := b[k], b[k+1:k+int(n)], binary.LittleEndian.Uint32(b[k+int(n):])
		b = b[k+int(n)+4:]
		if Checksum(typ, p) != sum {
			return fmt.Errorf("record %c: checksum", typ)
		}
		num := func() uint64 {
			x, k := binary.Uvarint(p)
			if k <= 0 {
				failed = true
				return 0
			}
			p = p[k:]
			return x
		}
		str := func() string {
			n := num()
			if n > uint64(len(p)) {
				failed = true
				return ""
			}
			s := string(p[:n])
			p = p[n:]
			return s
		}
		lock := func() RecordedLock {
			l := RecordedLock{Class: classes[num()], Birth: num(), Addr: num(), Site: sites[num()]}
			if len(p) == 0 {
				failed = true
				return l
			}
			l.Mode, l.Try = Mode(p[0]&0x7f), p[0]&0x80 != 0
			p = p[1:]
			return l
		}
		switch typ {
		case RecClass:
			id, flags := num(), num()
			classes[id] = v.AddClass(str(), uint32(flags))
		case RecSite:
			id := num()
			fn, file := str(), str()
			sites[id] = v.AddSite(Frame{Func: fn, File: file, Line: int(num())})
		case RecStack:
			id := num()
			fr := make([]SiteID, num())
			for i := range fr {
				fr[i] = sites[num()]
			}
			stacks[id] = v.AddStack(fr)
		case RecTest:
			id := num()
			tests[id] = v.Test(str())
		case RecObs:
			if len(p) < 2 {
				return bad
			}
			r := Recorded{Kind: p[0], Flags: p[1]}
			p = p[2:]
			r.Goroutine = num()
			r.Origin = sites[num()]
			r.Test = tests[num()]
			r.Stack = stacks[num()]
			r.Lock = lock()
			for range num() {
				r.Held = append(r.Held, lock())
			}
			if r.Kind != obsEvent && r.Kind != obsWithout && len(p) > 0 {
				for range num() {
					l := lock()
					l.Owner = num()
					r.Guards = append(r.Guards, l)
				}
			}
			if len(p) > 0 {
				for range num() {
					r.Line = append(r.Line, num())
				}
			}
			if want(r.Kind) {
				v.Observe(&r)
			}
		}
		if failed {
			return bad
		}
	}
	return nil
}

// verdict is what a validator learned, in words: dependencies, and the level
// of each finding by kind and dependencies.
func verdict(v *Validator) (edges []string, findings map[string]Level) {
	for e := range v.Edges {
		edges = append(edges, e.From+"->"+e.To)
	}
	findings = map[string]Level{}
	for id := FindingID(1); id <= v.NumFindings(); id++ {
		f, _ := v.Finding(id)
		if f.Level == Suppressed {
			continue
		}
		var s []string
		for _, x := range f.Sides {
			s = append(s, x.Holds.Class+"->"+x.Wants.Class)
		}
		sort.Strings(s)
		k := fmt.Sprint(f.Kind, " ", s)
		findings[k] = max(findings[k], f.Level)
	}
	sort.Strings(edges)
	return edges, findings
}

// replayed compares the validator that wrote a journal with one that read it,
// once and twice. The first time all is equal. What is seen again is judged
// again: of several cycles over one dependency only the best was entered, and of
// the evidence for one that was on no cycle not all was kept, so cycles may come
// up or rise then; nothing is lost. So it is the first time where a judgement recalled
// a writer, whose observation stands behind the one that was judged: then the writers
// come first, and of several cycles over one dependency another one may be entered.
func replayed(v *Validator, journal []byte) string {
	w := New(twinLimits(), Host{})
	edges, findings := verdict(v)
	if recalls(v) {
		if err := replayKinds(w, journal, func(kind uint8) bool { return kind == obsWriter }); err != nil {
			return err.Error()
		}
	}
	for pass := 1; pass <= 2; pass++ {
		if err := replay(w, journal); err != nil {
			return err.Error()
		}
		e, f := verdict(w)
		if !slices.Equal(e, edges) {
			return fmt.Sprintf("replay %d: dependencies %v were %v", pass, e, edges)
		}
		for k, l := range findings {
			if f[k] < l && !(recalls(v) && circular(k) && overlaps(f, k, l)) || f[k] > l && (pass == 1 && !recalls(v) || !circular(k)) {
				return fmt.Sprintf("replay %d: %s is %v, was %v", pass, k, f[k], l)
			}
		}
		for k, l := range f {
			if findings[k] == Suppressed && (pass == 1 && !recalls(v) || !circular(k)) {
				return fmt.Sprintf("replay %d: %s is %v, was not found", pass, k, l)
			}
		}
	}
	return ""
}

// overlaps reports whether findings has one of that level over a dependency of cycle k.
func overlaps(findings map[string]Level, k string, l Level) bool {
	for _, e := range strings.Fields(strings.Trim(k[strings.IndexByte(k, '['):], "[]")) {
		for o, level := range findings {
			if level >= l && strings.Contains(o, e) {
				return true
			}
		}
	}
	return false
}

// recalls reports whether v recalled a writer.
func recalls(v *Validator) bool {
	for _, o := range v.obs[:v.nobs+1] {
		if o.kind == obsWriter && o.flags&obsTag != 0 {
			return true
		}
	}
	return false
}

func circular(key string) bool {
	return strings.HasPrefix(key, KindCircular.String()) || strings.HasPrefix(key, KindSameClass.String())
}

func TestReplay(t *testing.T) {
	n := int64(400)
	if testing.Short() {
		n = 50
	}
	for seed := int64(1); seed <= n; seed++ {
		c := newConfig(seed)
		ops := draw(c)
		h := newHarness(c)
		for _, o := range ops {
			if s := h.step(o); s != "" {
				t.Fatal(report(c, ops))
			}
		}
		if s := replayed(h.v, h.journal); s != "" {
			t.Fatalf("LOCKDEP_SEED=%d: %s", seed, s)
		}
	}
}
