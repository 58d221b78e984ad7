package replay

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golockdep/lockdep/engine/kernel"
	"github.com/golockdep/lockdep/ktrace"
)

var (
	damages    = flag.Int("damages", 400, "`number` of damages of TestDamages, over all recordings")
	damageSeed = flag.Uint64("damageseed", 1, "`seed` of the first damage of TestDamages")
	damageOf   = flag.String("damageof", "", "only recordings and kinds of damage whose \"recording kind\" has this `text`")
)

// findingKey is by what a finding of a damaged file is known in the whole one.
func findingKey(f *Finding) string {
	classes := names(f.Report.Cycle())
	if len(classes) == 0 {
		classes = names(f.Report.Classes())
	}
	classes = slices.Clone(classes)
	slices.Sort(classes)
	return string(f.Report.Kind) + " " + strings.Join(slices.Compact(classes), " ")
}

// edges are the dependencies that carry findings.
func edges(res *Result) map[[2]string]bool {
	out := map[[2]string]bool{}
	res.sure.v.EachClass(func(c kernel.ClassInfo) bool {
		res.sure.v.EachDependency(c.ID, func(d kernel.Dependency) bool {
			out[[2]string{c.Name, res.sure.v.Info(d.To).Name}] = true
			return true
		})
		return true
	})
	return out
}

type replayed struct {
	res   *Result
	open  error
	errs  []error
	took  time.Duration
	alloc uint64
}

func (rec *recording) replay(data []byte) (out replayed) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	r := New(Options{})
	in, err := ktrace.NewReader(bytes.NewReader(data))
	if err != nil {
		out.open = err
		return out
	}
	defer in.Close()
	r.Read(rec.name, in, func(int) {}, func(err error) bool { out.errs = append(out.errs, err); return true })
	out.res = r.Judge()
	out.took = time.Since(start)
	runtime.ReadMemStats(&after)
	out.alloc = after.TotalAlloc - before.TotalAlloc
	return out
}

// TestDamages damages recordings in every way that the kinds have, and compares with what the whole file gives: no finding
// is likely that is not so there, nothing panics, hangs, or takes more than a bounded part of memory. Damage that no reader
// can notice (see silent) is measured, and makes no failure. A damage is made again by its seed:
//
//	LOCKDEP_ORACLE=DIR go test ./ktrace/replay -run=TestDamages -damages=14000 -v -timeout=2h
//	go test ./ktrace/replay -run=TestDamages -damages=1 -damageseed=SEED -v
func TestDamages(t *testing.T) {
	recs := recordings(t)
	if len(recs) == 0 {
		t.Skip("no recordings")
	}
	byForm := map[string][]*recording{}
	for _, r := range recs {
		byForm[r.form] = append(byForm[r.form], r)
	}
	tallies := map[string]*tally{}
	for i := range *damages {
		seed := *damageSeed + uint64(i)
		d := newDamaged(seed, recs, byForm)
		if d == nil {
			continue
		}
		got := d.rec.replay(d.data)
		// Lines that are cut in the same column make one that is good.
		d.mute = d.mute || d.kind.name == "drop" && d.rec.form == "text" && !d.rec.counted && len(got.errs) == 0
		key := d.rec.form + " " + d.kind.name
		if d.mute {
			key = unseen + key
		}
		if tallies[key] == nil {
			tallies[key] = &tally{}
		}
		tallies[key].add(t, d, &got)
	}
	all, mute := &tally{}, &tally{}
	for _, n := range slices.Sorted(maps.Keys(tallies)) {
		t.Logf("%-32s %s", n, tallies[n])
		if strings.HasPrefix(n, unseen) {
			mute.join(tallies[n])
		} else {
			all.join(tallies[n])
		}
	}
	t.Logf("%-32s %s", "all that leave no trace", mute)
	t.Logf("%-32s %s", "all others", all)
	if all.wrong > 0 {
		t.Errorf("%d of %d damages gave a finding that the whole file does not have", all.wrong, all.n)
	}
}

const unseen = "no trace: "

// damaged is a recording with damage.
type damaged struct {
	rec   *recording
	kind  damageKind
	data  []byte
	mute  bool // nobody can notice it
	where string
}

// newDamaged makes a damage by its seed, nil if there is none of the kind.
func newDamaged(seed uint64, recs []*recording, byForm map[string][]*recording) *damaged {
	r := rand.New(rand.NewPCG(seed, 13))
	forms := []string{"text", "text", "perf", "dat"}
	same := byForm[forms[r.IntN(len(forms))]]
	if len(same) == 0 {
		same = recs
	}
	rec := same[r.IntN(len(same))]
	var kinds []damageKind
	for _, k := range damageKinds {
		if strings.Contains(k.forms, rec.form) && !(strings.Contains(k.forms, "text perf") && strings.HasSuffix(rec.name, "z.data")) {
			kinds = append(kinds, k)
		}
	}
	k := kinds[r.IntN(len(kinds))]
	if !strings.Contains(rec.name+" "+k.name, *damageOf) {
		return nil
	}
	same = byForm[rec.form]
	d := &damager{rec: rec, other: same[r.IntN(len(same))]}
	data := k.make(r, d)
	if data == nil {
		return nil
	}
	mute := k.name == "flip" || silent(rec, k, rec.data, data)
	for range r.IntN(2) * r.IntN(3) { // sometimes more of the kind
		if len(data) < 1<<16 || k.name == "flip" {
			break
		}
		next := *rec
		next.data = data
		d2 := &damager{rec: &next, other: d.other}
		if more := k.make(r, d2); more != nil {
			mute = mute && silent(rec, k, data, more) || k.gone && !rec.counted
			data, d.note = more, d.note+", "+d2.note
		}
	}
	return &damaged{rec, k, data, mute, fmt.Sprintf("seed %d: %s: %s, %s", seed, rec.name, k.name, d.note)}
}

// tally counts damages, those that could not be opened at all, those that were not noticed, and those that gave a finding
// that the whole file does not have; and what there is and was kept of the whole file's findings and dependencies.
type tally struct {
	n, unread, silent, wrong    int
	likely, kept, edges, stayed int
}

func (s *tally) join(o *tally) {
	s.n, s.unread, s.silent, s.wrong = s.n+o.n, s.unread+o.unread, s.silent+o.silent, s.wrong+o.wrong
	s.likely, s.kept, s.edges, s.stayed = s.likely+o.likely, s.kept+o.kept, s.edges+o.edges, s.stayed+o.stayed
}

func (s *tally) String() string {
	return fmt.Sprintf("%6d, not opened %4d, not noticed %4d, false %4d, findings kept %5d of %5d, dependencies %.1f%%",
		s.n, s.unread, s.silent, s.wrong, s.kept, s.likely, 100*float64(s.stayed)/float64(max(s.edges, 1)))
}

func (s *tally) add(t *testing.T, d *damaged, got *replayed) {
	s.n++
	if got.open != nil {
		s.unread++
		return
	}
	if !got.res.Damaged() {
		s.silent++
	}
	if got.took > 5*time.Second+20*d.rec.took {
		t.Errorf("%s: it took %v, the whole file %v", d.where, got.took, d.rec.took)
	}
	if got.alloc > 1<<28+4*d.rec.alloc {
		t.Errorf("%s: it allocated %d bytes, the whole file %d", d.where, got.alloc, d.rec.alloc)
	}
	kept, wrong := 0, false
	for _, f := range got.res.Findings {
		switch key := findingKey(f); {
		case f.Level != Likely:
		case d.rec.likely[key]:
			kept++
		case d.mute:
			wrong = true
			t.Logf("not to be noticed: %s: %s", d.where, key)
		default:
			if wrong = true; s.wrong < 10 {
				t.Errorf("%s: %s (damage noticed: %v, errors %d)", d.where, key, got.res.Damaged(), len(got.errs))
			}
		}
	}
	s.wrong += b2i(wrong)
	s.likely += len(d.rec.likely)
	s.kept += min(kept, len(d.rec.likely))
	s.edges += len(d.rec.edges)
	for e := range edges(got.res) {
		s.stayed += b2i(d.rec.edges[e])
	}
}
