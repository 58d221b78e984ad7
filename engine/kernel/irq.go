package kernel

// HardirqsEnabled says that hardirqs are about to go on at the task's CPU (lockdep_hardirqs_on_prepare), while
// Context still says that they are off. Every lock that is held becomes one held with interrupts enabled.
func (v *Validator) HardirqsEnabled(t *Task, site Site) {
	if v.ignores(t) || t.Context&HardirqsOn != 0 {
		return
	}
	if t.Context&InHardirq != 0 {
		v.warn(t, Internal, WarnIRQsOnInHardirq, nil, site)
		return
	}
	if v.markHeld(t, HardirqOnW, site) && t.Context&SoftirqsOn != 0 {
		v.markHeld(t, SoftirqOnW, site)
	}
}

// SoftirqsEnabled says that softirqs went on. They can come only where hardirqs are on.
func (v *Validator) SoftirqsEnabled(t *Task, hardirqsOn bool, site Site) {
	if !v.ignores(t) && hardirqsOn {
		v.markHeld(t, SoftirqOnW, site)
	}
}

// markHeld marks every checked lock of t with b or its read variant. The site of the mark is where interrupts go on.
func (v *Validator) markHeld(t *Task, b UsageBit, site Site) bool {
	for i := range t.held[:t.depth] {
		h := &t.held[i]
		if h.mode&Check == 0 {
			continue
		}
		bit := b
		if h.mode.read() != 0 {
			bit++
		}
		if !v.mark(t, h, bit, site) {
			return false
		}
	}
	return true
}

// The functions below keep Context for callers that see single steps and no state.

// HardirqsOnAt turns hardirqs on, with the check before.
func (v *Validator) HardirqsOnAt(t *Task, site Site) {
	v.HardirqsEnabled(t, site)
	t.Context |= HardirqsOn
}

// HardirqsOffAt turns hardirqs off.
func (v *Validator) HardirqsOffAt(t *Task) { t.Context &^= HardirqsOn }

// EnterHardirq begins an interrupt. The innermost one decides whether it is threaded: none is until SetThreaded.
func (v *Validator) EnterHardirq(t *Task) {
	if t.hardirq++; t.hardirq == 1 {
		t.Context &^= Threaded
	}
	t.Context |= InHardirq
}

// ExitHardirq ends an interrupt.
func (v *Validator) ExitHardirq(t *Task) {
	if t.hardirq = max(t.hardirq-1, 0); t.hardirq == 0 {
		t.Context &^= InHardirq
	}
}

// SetThreaded says that the interrupt's handler would be a thread on PREEMPT_RT.
func (v *Validator) SetThreaded(t *Task) { t.Context |= Threaded }

// EnterSoftirq begins the work of softirqs.
func (v *Validator) EnterSoftirq(t *Task) {
	t.softirq++
	t.Context |= InSoftirq
}

// ExitSoftirq ends the work of softirqs.
func (v *Validator) ExitSoftirq(t *Task) {
	if t.softirq = max(t.softirq-1, 0); t.softirq == 0 {
		t.Context &^= InSoftirq
	}
}

// DisableBH turns bottom halves off; calls nest.
func (v *Validator) DisableBH(t *Task) {
	t.bh++
	t.Context &^= SoftirqsOn
}

// EnableBH undoes one DisableBH. The last turns softirqs on.
func (v *Validator) EnableBH(t *Task, site Site) {
	if t.bh == 0 {
		return
	}
	if t.bh--; t.bh == 0 {
		t.Context |= SoftirqsOn
		v.SoftirqsEnabled(t, t.Context&HardirqsOn != 0, site)
	}
}

// BHDisabled tells whether bottom halves are off by DisableBH.
func (t *Task) BHDisabled() bool { return t.bh > 0 }
