package kernel

// UsageBit is a way in which a class was used (enum lock_usage_bit): 4*state + 2*direction + read for the irq bits.
type UsageBit uint8

// The usage bits. IN: taken in that irq context. ON: held with those interrupts enabled.
const (
	InHardirqW UsageBit = iota
	InHardirqR
	HardirqOnW
	HardirqOnR
	InSoftirqW
	InSoftirqR
	SoftirqOnW
	SoftirqOnR
	Used
	UsedRead
	usageBits
	// InNMIUse is no bit of a class: what NMI checks report as the new state.
	InNMIUse = usageBits
)

// Usage is a set of usage bits.
type Usage uint16

const (
	irqWrite Usage = 0x55 // the bits without R
	irqRead  Usage = 0xaa
	usedIn   Usage = 0x33
	enabled  Usage = 0xcc
)

// Has tells whether the set has the bit.
func (u Usage) Has(b UsageBit) bool { return u>>b&1 != 0 }

// opposite returns the bits that u must not meet on a path: IN for ON and ON for IN, of writers and readers, since the
// writer in between makes a reader wait for a reader.
func (u Usage) opposite() Usage {
	o := u&enabled>>2 | u&usedIn<<2
	return o | o&irqRead>>1 | o&irqWrite<<1
}

// exclusive returns the non-read bit of the other direction.
func (b UsageBit) exclusive() UsageBit { return b&^3 | (b&2 ^ 2) }

// wantedUsage returns the bits that h's acquisition sets. Taking a lock with irqs off sets none of them: it does not
// make a lock safe, taking it in an interrupt does.
func wantedUsage(t *Task, h *held) Usage {
	r := UsageBit(0)
	if h.mode.read() != 0 {
		r = 1
	}
	u := Usage(1) << (Used + r)
	if h.mode&Check == 0 {
		return u
	}
	if h.mode&Try == 0 {
		if t.Context&InHardirq != 0 {
			u |= 1 << (InHardirqW + r)
		}
		if t.Context&InSoftirq != 0 {
			u |= 1 << (InSoftirqW + r)
		}
	}
	if h.mode&IRQsOff == 0 && !h.sync {
		u |= 1 << (HardirqOnW + r)
		if t.Context&SoftirqsOn != 0 {
			u |= 1 << (SoftirqOnW + r)
		}
	}
	return u
}

// markOrder is the order of mark_usage: where the lock is taken, then what is enabled.
var markOrder = [...]UsageBit{
	InHardirqW, InHardirqR, InSoftirqW, InSoftirqR, HardirqOnW, HardirqOnR, SoftirqOnW, SoftirqOnR, Used, UsedRead,
}

// markAll sets the bits of h's class, in the order of the kernel. False: refused.
func (v *Validator) markAll(t *Task, h *held, want Usage) bool {
	for _, b := range markOrder {
		if want.Has(b) && !v.mark(t, h, b, h.site) {
			return false
		}
	}
	return true
}

// mark sets a bit of h's class, because of what happened at site, and proves that no interrupt can now take a lock that its own CPU holds.
//
// A class must not be both IN and ON, except by readers alone. And with paths: if the lock became IN, no lock that is
// ON may be taken inside it, directly or not; if it became ON, no lock that is IN may be held around it. The picture
// for the first, where an interrupt on CPU0 meets CPU1 that wants U while it holds L:
//
//	CPU0: holds U (ON), interrupted: wants L        CPU1: holds L, wants U
//
// The search starts as h is: a recursive reader inside does not wait for readers, a shared holder does not hold up
// recursive readers.
func (v *Validator) mark(t *Task, h *held, b UsageBit, site Site) bool {
	c := v.class(h.class)
	if c.usage.Has(b) {
		return true
	}
	c.usage |= 1 << b
	c.sites[b] = site
	v.learned(Event{Kind: NewMark, Class: h.class, Bit: b, Usage: c.usage})
	if b >= Used {
		return true
	}
	ex := b.exclusive()
	if c.usage.Has(ex) {
		return v.failUsage(t, h, ex, b, site)
	}
	if b&1 == 0 && c.usage.Has(ex+1) {
		return v.failUsage(t, h, ex+1, b, site)
	}
	back := b&2 != 0
	n, ok := v.search(t, h, back, query{what: findUsage, mask: 3 << ex})
	if !ok {
		return false
	}
	if n == nowhere {
		return true
	}
	if !v.class(v.nodes[n].class).usage.Has(ex) {
		ex++
	}
	return v.failInversion(t, h, n, ex, b, site)
}

// checkUsage proves that the new dependency p -> h joins no safe lock F before it to an unsafe lock U behind it:
//
//	CPU0: holds U, interrupted: wants F        CPU1: holds F, on the way to U
//
// fine: nothing was found; else more says whether to go on.
func (v *Validator) checkUsage(t *Task, p, h *held) (fine, more bool) {
	var safe Usage
	if _, ok := v.search(t, p, true, query{what: collect, sum: &safe}); !ok {
		return false, false
	}
	if safe &= usedIn; safe == 0 {
		return true, true
	}
	n, ok := v.search(t, h, false, query{what: findUsage, mask: safe.opposite()})
	if !ok {
		return false, false
	}
	if n == nowhere {
		return true, true
	}
	forward := v.path(n)
	u := v.class(v.nodes[n].class).usage
	// U may also be safe itself, for the other kind of interrupt; only what makes it unsafe counts.
	n, ok = v.search(t, p, true, query{what: findUsage, mask: (u & enabled).opposite()})
	if !ok {
		return false, false
	}
	if n == nowhere {
		v.warn(t, Internal, WarnNoSafeLock, h.lock, h.site)
		return true, true
	}
	f := v.class(v.nodes[n].class).usage
	for b := range Used {
		for _, ex := range [2]UsageBit{b.exclusive(), b.exclusive() + 1} {
			if f.Has(b) && u.Has(ex) {
				return false, v.failOrder(t, p, h, v.path(n), forward, b, ex)
			}
		}
	}
	v.warn(t, Internal, WarnNoSafeLock, h.lock, h.site)
	return true, true
}

// checkNMI looks at a lock that is waited for in an NMI, where nothing is tracked: anybody may hold it. Locks that are
// only ever read are fine.
func (v *Validator) checkNMI(t *Task, m *Map, mode Mode, site Site) {
	id := v.cached(m, 0)
	if sub := uint8(mode & modeSub); id == 0 || sub != 0 {
		id = v.byKey[classKey{m.Key, sub}]
	}
	if id == 0 {
		return
	}
	conflict := Usage(1) << Used
	if mode.read() == 0 {
		conflict |= 1 << UsedRead
	}
	if v.class(id).usage&conflict == 0 {
		return
	}
	h := held{lock: m, class: id, mode: mode | IRQsOff, site: site, irq: 2}
	v.failUsage(t, &h, Used, InNMIUse, site)
}
