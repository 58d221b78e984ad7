package testing

import "internal/lockdep"

func (t *T) lockdepStart() { lockdep.EnterTest(t.name) }

func (t *T) lockdepEnd() { println("hook EndTest", t.name) }

func (c *common) checkLockdep() {
	if c.name == "TestFinding" && !c.Failed() {
		c.Errorf("a finding")
	}
}

func lockdepAfterRun(failed bool) bool {
	println("hook AfterRun", failed)
	return failed
}

func (t *T) lockdepParallel() bool { return false }

func (t *T) lockdepReported() {}

func lockdepRun(m *M) {}

func lockdepAlarm(on bool) {}

func lockdepTimeout() {}
