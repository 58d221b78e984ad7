package splat

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// A doc says in general what a kind means and what usually mends it.
type doc struct{ short, repair string }

var docs = map[Kind]doc{
	Circular:        {"Locks are taken in orders that contradict each other, so tasks can wait for each other for ever.", "choose one order and take the locks in it everywhere; or drop the first lock before calling what takes the second; or do the work that needs the second lock before taking the first."},
	Recursive:       {"A task takes a lock of a class that it holds already.", "if it is the same lock, do not take it twice: call the variant for callers that hold it. If it is another lock of the class, and the order among them is fixed, say so with a subclass (spin_lock_nested, mutex_lock_nested) or a lock class of its own."},
	IRQOrder:        {"A lock that interrupts take is held while one is taken that interrupts may interrupt.", "take the irq-unsafe lock with interrupts disabled everywhere (spin_lock_irqsave, spin_lock_bh for softirqs); or do not take it under the irq-safe one. Disabling interrupts only where the report came up does not make the lock irq-safe."},
	Inconsistent:    {"A lock is taken in an interrupt, and also with that interrupt enabled.", "disable the interrupt wherever the lock is taken outside of it (spin_lock_irqsave, spin_lock_bh), or take the lock out of the interrupt handler."},
	IRQInversion:    {"A lock used in interrupts depends on one that interrupts may interrupt.", "take the irq-unsafe lock with interrupts disabled everywhere, or do not take it under the lock that interrupts use."},
	UnlockImbalance: {"A lock is released that the task does not hold.", "find the path that releases it twice, or that releases it without having taken it."},
	HeldFreed:       {"Memory is freed, or a lock in it initialised again, while a lock in it is held.", "release the lock before the memory is freed; a missing reference count is the usual cause."},
	HeldExit:        {"A task exits, or freezes, with locks held.", "release the lock on every path, error paths above all."},
	HeldUserspace:   {"A system call returned to user space with locks held.", "release the lock on every path out of the system call, error paths above all."},
	NestLock:        {"A lock was taken with a nest lock that is not held.", "take the outer lock first, or name the right one in the nest_lock annotation."},
	WaitContext:     {"A lock that may sleep (on PREEMPT_RT at least) is taken where sleeping is not allowed.", "use a raw_spinlock_t for short sections in such contexts, or take the lock before the context is entered."},
	Contention:      {"The lock statistics saw a contention on a lock that is not held.", "check the annotation of the lock."},
	RCU:             {"Data protected by RCU is used outside of a reader, or RCU is used where it does not watch.", "put rcu_read_lock() around the use, or name in rcu_dereference_protected() or _check() the lock that protects it."},
	ChainCollision:  {"Two chains of locks have one hash.", "report it: the validator's own table is at fault."},
	NonstaticKey:    {"A lock is used before it was initialised.", "initialise the lock (spin_lock_init, mutex_init) before its first use; also on error paths that clean up what was never set up."},
	Limit:           {"A table of the validator is full or misused. It is off from here on.", "raise the limit in the kernel's configuration (LOCKDEP_BITS, LOCKDEP_CHAINS_BITS, ...), or find what registers classes without end."},
	Assert:          {"The validator, or a lock, found a state that it takes for impossible.", "look for misuse of the lock in the calling function, or for memory that was overwritten."},
}

// Short says in a sentence what the kind means.
func (k Kind) Short() string { return docs[k].short }

// Repair says what usually mends a report of the kind.
func (k Kind) Repair() string { return docs[k].repair }

// Explain writes in plain words who waits for whom, which acquisition closes
// the cycle, which context makes the interrupt possible, a picture, and the
// usual repair. The error is w's.
func (r *Report) Explain(w io.Writer) error {
	var b bytes.Buffer
	para := func(s string) { fill(&b, s) }
	para(r.Kind.Short())
	for _, s := range r.story() {
		para(s)
	}
	if len(r.Pairs()) > 0 {
		b.WriteString("\n")
		r.picture(&b)
		b.WriteString("\n")
	}
	if c := r.Cut(); len(c) > 0 {
		para("Missing in this text: " + strings.Join(c, ", ") + ".")
	}
	para("The usual repair: " + r.Kind.Repair())
	_, err := w.Write(b.Bytes())
	return err
}

func in(fn string) string {
	if fn == "" {
		return ""
	}
	return " in " + fn
}

// story is what happened, in sentences.
func (r *Report) story() []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	who := "The task"
	if r.Task.Comm != "" {
		who = r.Task.String()
	}
	pairs := r.Pairs()
	switch r.Kind {
	case Circular:
		for _, p := range pairs {
			if !p.Closes {
				say("Earlier, %s was taken%s while %s was held.", p.Wanted, in(p.Func), p.Held)
			} else if r.Crosslock {
				say("Now %s releases %s, which somebody waits for, after it wanted %s%s: this closes the cycle.", who, p.Held, p.Wanted, in(p.Func))
			} else {
				say("Now %s holds %s (taken%s) and wants %s%s: this closes the cycle.", who, p.Held, in(r.Holding.where()), p.Wanted, in(p.Func))
			}
		}
		if len(pairs) > 0 {
			say("If tasks do these %d things at the same time, each waits for the next for ever.", len(pairs))
		}
	case Recursive:
		if r.Acquire != nil && r.Holding != nil {
			say("%s holds %s (taken%s) and takes a lock of the same class%s.", who, r.Holding.Class, in(r.Holding.where()), in(r.Acquire.where()))
			switch {
			case r.Acquire.Inst != "" && r.Acquire.Inst == r.Holding.Inst:
				say("Both are the lock at %s: the task waits for itself.", r.Acquire.Inst)
			case r.Acquire.Inst != "" && r.Holding.Inst != "":
				say("They are two locks (%s and %s); another task may take them the other way round.", r.Holding.Inst, r.Acquire.Inst)
			}
		}
	case IRQOrder:
		if len(pairs) > 0 {
			say("%s was taken in a %s (%s).", r.Safe.Lock.Class, irqWord(r.State), orUnknown(Outer(r.Safe.Stack)))
			say("%s was taken with that interrupt enabled (%s).", r.Unsafe.Lock.Class, orUnknown(Outer(r.Unsafe.Stack)))
			say("Now %s holds %s and wants %s%s: this connects the two.", who, r.Holding.Class, r.Acquire.Class, in(r.Acquire.where()))
			say("If the interrupt comes on a CPU that holds %s, it waits for %s, whose holder waits for %s.", r.Unsafe.Lock.Class, r.Safe.Lock.Class, r.Unsafe.Lock.Class)
		}
	case IRQInversion:
		if len(pairs) > 0 {
			safe, unsafe := r.Acquire.Class, r.Other.Class
			if r.Backward {
				safe, unsafe = unsafe, safe
				say("%s was just taken by %s%s with the %s enabled.", unsafe, who, in(r.Acquire.where()), irqWord(r.State))
				say("It was taken before under %s, which is taken in that interrupt.", safe)
			} else {
				say("%s was just taken by %s%s in a %s.", safe, who, in(r.Acquire.where()), irqWord(r.State))
				say("Under it %s was taken before, which is also taken with that interrupt enabled.", unsafe)
			}
			say("If the interrupt comes on a CPU that holds %s, it waits for %s, whose holder waits for %s.", unsafe, safe, unsafe)
		}
	case Inconsistent:
		if r.Acquire != nil {
			say("%s takes %s%s, state %s; before, it was registered as %s%s.", who, r.Acquire.Class, in(r.Acquire.where()), r.To, r.From, in(Outer(r.Registered)))
			switch {
			case strings.Contains(r.From+r.To, "RECLAIM_FS"):
				say("Memory reclaim takes the lock, and memory is allocated under it: the allocation may enter reclaim and wait for the lock that its own task holds.")
			case r.To == "IN-NMI":
				say("An NMI cannot be disabled: if it comes on a CPU that holds the lock, it waits for ever.")
			default:
				say("If the interrupt comes on a CPU that holds the lock, it waits for what it interrupted.")
			}
		}
	case UnlockImbalance, Contention:
		if r.Acquire != nil {
			say("%s releases %s%s.", who, r.Acquire.Class, in(r.place()))
		}
	case HeldFreed:
		if r.Acquire != nil {
			say("%s frees %s-%s, and there is %s, taken%s.", who, r.FreedFrom, r.FreedTo, r.Acquire.Class, in(r.Acquire.where()))
		}
	case WaitContext:
		if r.Acquire != nil {
			say("%s wants %s (wait type %s)%s, in a context of %s.", who, r.Acquire.Class, orUnknown(r.Acquire.Wait), in(r.Acquire.where()), orUnknown(r.Wait))
		}
	case NestLock:
		if r.Acquire != nil {
			say("%s takes %s%s under the nest lock %s, which it does not hold.", who, r.Acquire.Class, in(r.Acquire.where()), orUnknown(r.Nest))
		}
	case RCU:
		say("%s: %s", r.Source, r.Message)
	default:
		say("%s%s", r.titleLine(), in(r.place()))
	}
	if r.Held != nil && len(pairs) == 0 {
		for i := range r.Held.Locks {
			l := &r.Held.Locks[i]
			say("Held: %s, taken%s.", l.Class, in(l.where()))
		}
	}
	return out
}

func orUnknown(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

// irqWord names the interrupt of a state: HARDIRQ-READ, soft.
func irqWord(state string) string {
	switch s := strings.ToLower(state); {
	case strings.HasPrefix(s, "soft"):
		return "softirq"
	case strings.HasPrefix(s, "reclaim"):
		return "memory reclaim"
	}
	return "hardirq"
}

// picture draws the cycle, from what is wanted now, downwards.
func (r *Report) picture(b *bytes.Buffer) {
	const margin = "        "
	pairs := r.Pairs()
	for _, p := range pairs {
		label := "held, then taken" + in(p.Func)
		if p.IRQ {
			label = "interrupted by what takes it" + in(p.Func)
		}
		if p.Closes {
			label += "   <- closes the cycle"
		}
		fmt.Fprintf(b, "%s%s\n%s   |  %s\n%s   v\n", margin, p.Held, margin, label, margin)
	}
	fmt.Fprintf(b, "%s%s    (the first again)\n", margin, pairs[0].Held)
}

// fill writes a paragraph in lines of at most 88 columns.
func fill(b *bytes.Buffer, text string) {
	n := 0
	for word := range strings.FieldsSeq(text) {
		if n > 0 && n+1+len(word) > 88 {
			b.WriteByte('\n')
			n = 0
		} else if n > 0 {
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += len(word)
	}
	b.WriteByte('\n')
}
