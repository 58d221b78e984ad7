package testing

import (
	"fmt"
	"internal/lockdep"
	"os"
	"runtime/debug"
	"strings"
)

func init() {
	lockdep.Testing = testBinary == "1"
	lockdep.OnHang = lockdepHang
}

// lockdepM is what runs the tests.
var lockdepM *M

// lockdepRun runs on the goroutine that runs all tests, before it does.
func lockdepRun(m *M) {
	lockdepM = m
	lockdep.Owner(true)
}

// lockdepAlarm says whether the timer of -timeout runs.
func lockdepAlarm(on bool) { lockdep.Alarm = on }

// lockdepTimeout runs when the tests have not ended in time, before that is said.
func lockdepTimeout() { lockdep.Timeout() }

// lockdepHang ends the process, as at a timeout, when the named test can never
// go on.
func lockdepHang(test string) {
	if m := lockdepM; m != nil {
		m.after()
	}
	debug.SetTraceback("all")
	if test == "" {
		test = "the test binary"
	}
	var b strings.Builder
	for _, name := range runningList() {
		if b.Len() == 0 {
			b.WriteString("\nrunning tests:")
		}
		b.WriteString("\n\t")
		b.WriteString(name)
	}
	panic("lockdep: " + test + " can never go on, see the report above (GOLOCKDEP=hang=keep leaves it so)" + b.String())
}

// lockdepStart runs on the goroutine of t right before the test function.
func (t *T) lockdepStart() {
	lockdep.EnterTest(t.name)
	if lockdep.Beside(t.name) {
		t.Parallel()
	}
}

// lockdepParallel reports whether t, which calls Parallel, runs beside others already.
func (t *T) lockdepParallel() bool { return t.isParallel && lockdep.Beside(t.name) }

// lockdepStdout is where a program's output goes that nobody has redirected.
var lockdepStdout = os.Stdout

// lockdepEnd runs when t, its cleanups and its subtests are done, before t is reported.
func (t *T) lockdepEnd() { t.checkLockdep() }

// lockdepReported runs after t was reported: what is in the log of a test of the
// top is printed then.
func (t *T) lockdepReported() {
	if !strings.Contains(t.name, "/") && os.Stdout == lockdepStdout {
		lockdep.Printed(t.name)
	}
}

// checkLockdep fails c if it made a finding; it is called wherever data races are checked.
func (c *common) checkLockdep() {
	if c.name == "" {
		return
	}
	for _, text := range lockdep.TakeReports(c.name) {
		c.Errorf("\n%s", text)
	}
}

// lockdepAfterRun runs after all tests, benchmarks and examples. It is given
// whether any of them failed and returns whether the test binary fails.
func lockdepAfterRun(failed bool) bool {
	lockdep.Owner(false)
	for _, text := range lockdep.TakeReports("") {
		fmt.Printf("testing: lock order finding outside of a running test\n%s", text)
		failed = true
	}
	if os.Stdout == lockdepStdout {
		lockdep.Printed("")
	}
	return failed
}
