package replay

import (
	"strings"
	"testing"

	"github.com/golockdep/lockdep/ktrace"
)

// TestStretches: of a recording that lacks records, or has some twice, a
// finding is likely if the locks of each of its observations were released as
// they were taken and nothing odd was near; it is possible otherwise. Of a
// whole one it is likely in any case.
func TestStretches(t *testing.T) {
	const (
		// odd is a lock that was got without an acquisition.
		odd   = fork10 + "10 ..... lock_acquired ffffffff81009000 z\n"
		again = "13 ..... got x\nAGAIN 2\n13 ..... put x\n"
		ab    = "10 ..... got a b\n"
		putAB = "10 ..... put b a\n"
		ba    = "11 ..... got b a\n"
		seen  = "@1 12 ..... got c\n@1 12 ..... put c\n"
		putBA = "11 ..... put a b\n"
	)
	calm := strings.Repeat("12 ..... got q\n12 ..... put q\n", nearby/2)
	likely, possible := "likely circular a b", "possible circular a b"
	for _, c := range []struct {
		name, text, want string
		odd              oddity
	}{
		{"whole", ab + putAB + ba + putBA, likely, oddities},
		{"whole, held at the end", ab + putAB + ba, likely, oddities},
		{"odd before, closed", odd + calm + ab + putAB + ba + putBA, likely, oddGot},
		{"odd before, and near", odd + ab + putAB + ba + putBA, possible, oddGot},
		{"odd before, held at the end", odd + calm + ab + putAB + ba, possible, oddGot},
		{"odd after, closed", ab + putAB + ba + putBA + calm + odd, likely, oddGot},
		{"odd after, and near", ab + putAB + ba + putBA + odd, possible, oddGot},
		{"odd in between", ab + putAB + calm + odd + calm + ba + putBA, likely, oddGot},
		{"odd at first, then seen again", odd + ab + putAB + ba + putBA + calm + ab + putAB + ba + putBA, likely, oddGot},
		{"lost, closed", ab + putAB + ba + putBA + seen + "LOST 1 5\n", likely, oddLost},
		{"lost, held at the end", ab + putAB + seen + "LOST 1 5\n" + ba, possible, oddLost},
		{"not to be read, held at the end", ab + putAB + "DAMAGED\n@1 12 ..... got c\n@1 12 ..... put c\n" + ba, possible, oddRead},

		// Each of these is a release that is missing, so that a false a is on the stack.
		{"lines twice", ab + putAB + "11 ..... got b\n11 ..... put b\n" + calm + again + "11 ..... got b a\n", possible, oddBack},
		{"under another name", "10 ..... got d1:k\n10 ..... lock_release ffff888000001000 y\n" + calm + ab + putAB + ba, possible, oddName},
		{"at an odd address", "10 ..... lock_acquire ffff888000001001 k\n" + calm + ab + putAB + ba, possible, oddAddress},
		{"left by an interrupt", "12 d.h1. want i\n12 ..... got q\n12 ..... put q\n" + calm + ab + putAB + ba, "possible inconsistent i\n" + possible, oddLeft},
		{"released twice at once", fork10 + "10 ..... got k\n10 ..... put k\nAGAIN 1\n" + calm + ab + putAB + ba, possible, oddTwice},
		{"released twice", fork10 + "10 ..... got k\n10 ..... put k k\n", "likely unlock-imbalance k", oddities},
		{"kept and got by another", fork10 + "10 ..... got k\n10 ..... sched_process_exit comm=task pid=10 prio=120\n12 ..... got k\n12 ..... put k\n", "possible held-exit k", oddKept},
		{"kept and not got", fork10 + "10 ..... got k\n10 ..... sched_process_exit comm=task pid=10 prio=120\n12 ..... got l\n12 ..... put l\n", "likely held-exit k", oddities},
		{"runs where another one does", "12 ..... sched_switch prev_comm=task prev_pid=12 prev_prio=120 prev_state=S ==> next_comm=task next_pid=13 next_prio=120\n13 ..... got q\n13 ..... put q\n" + ab + putAB + ba, possible, oddRuns},
		{"switched in order", "12 ..... sched_switch prev_comm=task prev_pid=12 prev_prio=120 prev_state=S ==> next_comm=task next_pid=10 next_prio=120\n12 ..... put q\n" + ab + putAB + "10 ..... sched_switch prev_comm=task prev_pid=10 prev_prio=120 prev_state=S ==> next_comm=task next_pid=11 next_prio=120\n" + ba, likely, oddities},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := ktrace.NewReader(strings.NewReader(script(c.text)))
			if err != nil {
				t.Fatal(err)
			}
			r := New(Options{})
			r.Read("script", in, func(int) {}, func(error) bool { return true })
			res := r.Judge()
			var got []string
			for _, f := range res.Findings {
				classes := f.Report.Cycle()
				if len(classes) == 0 {
					classes = f.Report.Classes()
				}
				got = append(got, strings.Join(append([]string{f.Level.String(), string(f.Report.Kind)}, classes...), " "))
			}
			if strings.Join(got, "\n") != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
			for o, n := range res.Counts.Odd {
				if breaks[o] && (n > 0) != (oddity(o) == c.odd) {
					t.Errorf("%d of oddity %d", n, o)
				}
			}
			if res.Damaged() != (c.odd != oddities) {
				t.Errorf("damaged %v", res.Damaged())
			}
		})
	}
}
