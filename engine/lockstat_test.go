package engine

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var clock int64

// tick is a clock that goes on by one second each time it is asked.
func tick() int64 { clock++; return clock * 1e9 }

func stats(v *Validator) string {
	var b strings.Builder
	list, timed := v.LockStats()
	for _, s := range list {
		fmt.Fprintf(&b, "%s%s slept %d taken %d", s.Class, s.Mode, s.Contentions, s.Acquisitions)
		for _, t := range []Times{s.Wait, s.Hold} {
			fmt.Fprintf(&b, " %d:%d-%d=%d", t.N, t.Least/1e9, t.Most/1e9, t.Total/1e9)
		}
		for _, p := range s.Points {
			fmt.Fprintf(&b, " at %d", p.N)
		}
		b.WriteString("\n")
	}
	if timed {
		b.WriteString("timed\n")
	}
	return b.String()
}

// Only sleeps are counted without being asked for. With it, the clock is read
// where a lock is wanted, got and released.
func TestLockStat(t *testing.T) {
	const nine = "1La 1Lb 1Lc 1Ld 1Le 1Lf 1Lg 1Lh 1Li "
	for _, c := range []struct{ name, script, want string }{
		{"nothing", "", ""},
		{"not asked for", "1La 1ua 1Lb 1La 1ua 1ub", ""},
		{"a sleep", "1La 2la 1ua 2ga 2ua 1La 2la 1ua 2ga 2ua", "aW slept 2 taken 0 0:0-0=0 0:0-0=0 at 2\n"},
		{"a sleep for a second lock", "1La 2Lb 2la 1ua 2ga 2ua", "aW slept 1 taken 0 0:0-0=0 0:0-0=0 at 1\n"},
		{
			"a queued writer, a reader", "1Ra 2qa 3ra 1Ua 2ga 2ua 3ga 3Ua",
			"aW slept 1 taken 0 0:0-0=0 0:0-0=0 at 1\naR slept 1 taken 0 0:0-0=0 0:0-0=0 at 1\n",
		},
		// a is taken at 1, b at 2; they are released at 3 and 4
		{"held", "1Ta 1La 1Lb 1ub 1ua", "aW slept 0 taken 1 0:0-0=0 1:3-3=3\nbW slept 0 taken 1 0:0-0=0 1:1-1=1\ntimed\n"},
		{"released in another order", "1Ta 1La 1Lb 1ua 1ub", "aW slept 0 taken 1 0:0-0=0 1:2-2=2\nbW slept 0 taken 1 0:0-0=0 1:2-2=2\ntimed\n"},
		{
			"readers and writers", "1Ta 1Ra 1Ua 1Ra 2Rb 1Ua 1La 1ua",
			"aW slept 0 taken 1 0:0-0=0 1:1-1=1\naR slept 0 taken 2 0:0-0=0 2:1-2=3\nbR slept 0 taken 1 0:0-0=0 0:0-0=0\ntimed\n",
		},
		// goroutine 1 has a from 1 to 3; 2 wants it at 2, gets it at 4, releases it at 5
		{"waited for", "1Ta 1La 2la 1ua 2ga 2ua", "aW slept 1 taken 2 1:2-2=2 2:1-2=3 at 1\ntimed\n"},
		{"held before", "1La 1Lb 1Ta 1ub 1ua 1La 1ua", "aW slept 0 taken 1 0:0-0=0 1:1-1=1\ntimed\n"},
		{"one of two held before", "1La 1Ta 1Lb 1ua 1ub", "bW slept 0 taken 1 0:0-0=0 1:1-1=1\ntimed\n"},
		{"wanted before", "1La 2la 1Ta 1ua 2ga 2ua", "aW slept 1 taken 1 0:0-0=0 1:1-1=1 at 1\ntimed\n"},
		{"by a try", "1Ta 1ta 1ua", "aW slept 0 taken 1 0:0-0=0 1:1-1=1\ntimed\n"},
		{"released by another goroutine", "1Ta 1La 2Lb 2ua 1Lc", "aW slept 0 taken 1 0:0-0=0 1:2-2=2\nbW slept 0 taken 1 0:0-0=0 0:0-0=0\ncW slept 0 taken 1 0:0-0=0 0:0-0=0\ntimed\n"},
		{"the ninth is not timed", "1Ta " + nine + "1ui 1uh", "aW slept 0 taken 1 0:0-0=0 0:0-0=0\nhW slept 0 taken 1 0:0-0=0 1:1-1=1\niW slept 0 taken 1 0:0-0=0 0:0-0=0\ntimed\n"},
		{"nor when it is the eighth", "1Ta " + nine + "1ua 1ui", "aW slept 0 taken 1 0:0-0=0 1:8-8=8\niW slept 0 taken 1 0:0-0=0 0:0-0=0\ntimed\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock = 0
			v := New(SmallLimits(), Host{Now: tick})
			script(v, c.script)
			got := stats(v)
			if strings.Contains(c.script, nine) { // the first and the last are enough
				got = regexp.MustCompile(`(?m)^[b-h]W .* 0:0-0=0\n`).ReplaceAllString(got, "")
			}
			if got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

// What is judged is the same where locks are timed.
func TestTimedJudges(t *testing.T) {
	for _, timed := range []string{"", "1Ta "} {
		v := New(SmallLimits(), Host{Now: tick})
		script(v, timed+"1La 1Lb 1ub 1ua 2Lb 2la 2ga 2ua 2ub")
		if f, ok := v.Finding(1); !ok || f.Level != Likely || len(f.Sides) != 2 {
			t.Errorf("%q: %v %+v", timed, ok, f)
		}
	}
}
