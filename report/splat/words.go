package splat

import (
	"regexp"
	"strings"
)

// The lines that reports are made of, trimmed.
var (
	lockRE = regexp.MustCompile(`^(?:([0-9a-f]{8,16}|0x[0-9a-f]+|\(_*ptrval_*\)|\(null\)) *)?\((.*)\)\{([.+\-?]{4}|[.+\-?]{6})\}(?:-\{(\d+:\d+)\})?(?:, at: ?(.*))?$`)
	heldRE = regexp.MustCompile(`^#(\d+): *(.*)$`)
	linkRE = regexp.MustCompile(`^-> #(\d+) *(.*?):?$`)
	depRE  = regexp.MustCompile(`^-> ?(.*?)(?: ops: (\d+))? \{$`)
	pairRE = regexp.MustCompile(`^(\(.*\)\{[.+\-?]+\}(?:-\{\d+:\d+\})?) -> ?(\(.*\)\{[.+\-?]+\}(?:-\{\d+:\d+\})?)$`)

	taskRE    = regexp.MustCompile(`^(.+)/(-?\d+) (?:\[(H\S+)\] )?(is trying to acquire lock|is trying to acquire|just changed the state of lock|takes|is trying to lock|is leaving the kernel with locks still held|is exiting with locks still held)[:!]$`)
	releaseRE = regexp.MustCompile(`^(.+)/(-?\d+) is trying to (release|contend) lock \((.*)\) at:$`)
	freeingRE = regexp.MustCompile(`^(.+)/(-?\d+) is freeing memory ([0-9a-f]+)-([0-9a-f]+), with a lock still held there!$`)
	hashRE    = regexp.MustCompile(`^(.+)/(-?\d+): Hash chain already cached but the contents don't match!$`)
	countRE   = regexp.MustCompile(`^(\d+) locks? held by (.+)/(-?\d+):$`)
	noneRE    = regexp.MustCompile(`^no locks held by (.+)/(-?\d+)\.$`)
	usageRE   = regexp.MustCompile(`^inconsistent \{([^}]*)\} -> \{([^}]*)\} usage\.?$`)
	stateRE   = regexp.MustCompile(`^\{([^}]*)\} state was registered at:$`)
	becameRE  = regexp.MustCompile(`^\.\.\. which became (\S+?)-irq-(un)?safe at:$`)
	safeRE    = regexp.MustCompile(`^(?:but this new dependency connects a|to a) (\S+?)-irq-(un)?safe lock:$`)
	otherRE   = regexp.MustCompile(`^but this lock (took another|was taken by another), (\S+?)-(?:irq-)?(?:un)?safe lock in the past:$`)
	stepRE    = regexp.MustCompile(`^(lock|rlock|sync|unlock|local_irq_disable)\((.*)\);$`)
	contextRE = regexp.MustCompile(`^context-\{(\d+:\d+)\}$`)
	stampsRE  = regexp.MustCompile(`^(?:irq event stamp: \d+|(?:hard|soft)irqs last +(?:enabled|disabled) at \(\d+\): .*)$`)
	depCapRE  = regexp.MustCompile(`^(?:the (?:shortest )?dependencies between .*|the \S+ lock's dependencies|and \S+-irq-unsafe lock):$`)
	rcuRE     = regexp.MustCompile(`^(\S+:\d+) (.*(?:!|usage\.?))$`)
	rcuNoteRE = regexp.MustCompile(`^(?:rcu_scheduler_active = \d+, debug_locks = \d+|RCU used illegally from .*!|Possible false positive due to lockdep disabling.*)$`)
	keyRE     = regexp.MustCompile(`^\.\.\. key +at: (.*)$`)
	useAtRE   = regexp.MustCompile(`^((?:IN-)?[A-Z_]+(?:-ON)?(?:-READ)?-[WR]|(?:in-)?(?:hard|soft)irq(?:-on)?-[WR]|INITIAL (?:READ )?USE|IN-NMI|initial-use) +at:$`)
	cmpRE     = regexp.MustCompile(`^and the lock comparison function returns (-?\d+):$`)
	identRE   = regexp.MustCompile(`(?:^\d+\.\d+\S*(?: |$))|[Tt]ainted| #\d+(?: |$)`)
	depthRE   = regexp.MustCompile(`^depth: \d+ +max: \d+!$`)
	hlockRE   = regexp.MustCompile(`^(?:(?:hlock_id|class_idx):-?\d+ -> chain_key:[0-9a-f]{16} .*|Held locks:depth: .*|Locks in cached chain:depth: .*)$`)

	dumpRE = regexp.MustCompile(`^(?:` + strings.Join([]string{
		`CPU:? ?\d+.*`, `P[iI][dD]: \d+,.*`, `Hardware name: .*`, `Hardware name:`, `Workqueue: .*`, `Tainted: \[.*`, `Call [Tt]race:.*`, `Backtrace:.*`, `Stack ?:.*`, `(?:Thread|Process) .*task.*`,
		`\(?</?[#A-Z]+>\)?(?: +\[.*)?`, `(?:Code|Modules linked in|Stopper|Sleep|Exception stack|Last Breaking-Event-Address|Krnl [A-Z]+|irq event stamp)\b.*`,
		`[RE]?(?:IP|SP|AX|BX|CX|DX|SI|DI|BP|FLAGS): .*`, `R\d\d: .*`, `[CDEFGS]S: .*`, `[CD]R\d: .*`, `x\d+ ?: [0-9a-f]+.*`, `r\d+ ?: ?[0-9a-f]+.*`, `(?:pc|lr|sp|pstate|epc|ra|gp|tp|t\d|s\d+|a\d) ?:.*`,
		`(?:NIP|LR|GPR\d\d|MSR|CFAR|REGS|XER|DAR|DSISR|SOFTE|IRQMASK|TRAP|LR \[.*|NIP \[.*)[:\[ ].*`,
		`(?:[0-9a-f]{8,16} ?)+`, `[0-9a-f]{4}: (?:[0-9a-f]{8} ?)+`, `-+\[ (?:cut here|end trace).*`, `\[[0-9a-fc]+\] \[[0-9a-f]+\] .*`, `Kernel Offset: .*`, `\(XEN\).*`, `=+>.*`,
		`[0-9a-f ]*<[0-9a-f]{2}> [0-9a-f ]+`, `(?:[0-9a-f]{2} )+[0-9a-f]{2}`, `---- interrupt: .*`, `--- interrupt: .*`, `--- Exception: .*`, `\[end of stack\]`,
		`DEBUG_LOCKS_WARN_ON\(.*\)`, `(?:hard|soft)irqs last +.*`, `INFO: lockdep is turned off\.`, `DR\d: .*`, `PKRU: .*`, `Exec.*`, `Insn.*`, `([0-9a-f]{8} ){3,}.*`,
	}, `|`) + `)$`)
)

// captions are fixed lines.
var captions = func() map[string]bool {
	m := map[string]bool{}
	for _, c := range []string{
		"but task is already holding lock:",
		"but now in release context of a crosslock acquired at the following:",
		"and this task is already holding:",
		"which lock already depends on the new lock.",
		"which lock already depends on the new lock,",
		"which could lead to circular deadlocks!",
		"which could lead to deadlocks!",
		"which would create a new lock dependency:",
		"the existing dependency chain (in reverse order) is:",
		"other info that might help us debug this:",
		"Chain exists of:",
		"*** DEADLOCK ***",
		"May be due to missing lock nesting notation",
		"stack backtrace:",
		"and interrupts could create inverse lock ordering between them.",
		"but there are no more locks to release!",
		"but there are no locks held!",
		"but this task is not holding:",
		"Possible unsafe locking scenario:",
		"Possible unsafe locking scenario by crosslock:",
		"Possible interrupt unsafe locking scenario:",
		"the dependencies between the lock to be acquired",
		"... acquired at:",
		"...",
		"<Interrupt>",
		"CPU0", "----", "}",
		"The code is fine but needs lockdep annotation, or maybe",
		"you didn't initialize this object before use?",
		"the code is fine but needs lockdep annotation.",
		"turning off the locking correctness validator.",
		"Please attach the output of /proc/lock_stat to the bug report",
		"INFO: lockdep is turned off.",
	} {
		m[c] = true
	}
	return m
}()

// isAssertCaption reports whether a line is the reason of a WARN of lockdep
// itself, which is printed on a line of its own.
func isAssertCaption(s string) bool {
	switch s = strings.TrimSpace(s); s {
	case "downgrading a read lock", "releasing a pinned lock", "pinning an unheld lock", "unpinning an unheld lock",
		"unpinning an unpinned lock", "pin count corrupted", "possible reason: unannotated irqs-off.", "possible reason: unannotated irqs-on.":
		return true
	}
	return strings.HasPrefix(s, "hm#1, depth: ") || strings.HasPrefix(s, "hm#2, depth: ") || strings.HasPrefix(s, "lockdep bfs error:") ||
		strings.HasPrefix(s, "Looking for class \"") || strings.HasPrefix(s, "Detected use-after-free of lock class ")
}

// isRuler recognises the lines above and below a title.
func isRuler(t string) bool {
	return len(t) >= 20 && (strings.Trim(t, "=") == "" || strings.Trim(t, "-") == "")
}

// known reports whether a trimmed line is, by itself and whole, one that a
// report can have.
func known(t string) bool {
	if t == "" || captions[t] || isRuler(t) || isFrame(t) {
		return true
	}
	switch {
	case t[0] == '#':
		if m := heldRE.FindStringSubmatch(t); m != nil {
			return wholeHeld(m[2])
		}
	case strings.HasPrefix(t, "->"):
		return linkRE.MatchString(t) && strings.HasSuffix(t, ":") || depRE.MatchString(t)
	case stateRE.MatchString(t), becameRE.MatchString(t), keyRE.MatchString(t), strings.HasPrefix(t, "Kernel panic - "):
		return true
	}
	if m := lockRE.FindStringSubmatch(t); m != nil {
		return !strings.HasSuffix(t, "at:") && (m[1] == "" || m[5] != "") && !bareAddrRE.MatchString(m[5])
	}
	for _, re := range []*regexp.Regexp{
		taskRE, releaseRE, freeingRE, hashRE, countRE, noneRE, usageRE, safeRE, otherRE, stepRE, contextRE, stampsRE,
		depCapRE, rcuNoteRE, useAtRE, cmpRE, depthRE, hlockRE, pairRE, dumpRE, rcuRE,
	} {
		if re.MatchString(t) {
			return true
		}
	}
	return identRE.MatchString(t) || strings.HasPrefix(t, "CPU0 ") || strings.HasPrefix(t, "---- ") || isAssertCaption(t) || bannerOf(line{text: t}) != nil
}

// wholeHeld reports whether what follows "#0:" is a whole held lock.
func wholeHeld(s string) bool {
	if s == "<RELEASED>" {
		return true
	}
	m := lockRE.FindStringSubmatch(s)
	return m != nil && m[5] != "" && !bareAddrRE.MatchString(m[5])
}

// bareAddrRE matches a place whose function a mailer put on the next line.
var bareAddrRE = regexp.MustCompile(`^\[<[0-9a-f]*>\]$`)

// lockStartRE matches the beginning of a held lock that a mailer broke.
var lockStartRE = regexp.MustCompile(`^(?:#\d+: *)?(?:(?:[0-9a-f]{8,16}|\(_*ptrval_*\)) *)?(?:\(.*)?$`)

// openLockRE matches a lock whose name the kernel printed in several records.
var openLockRE = regexp.MustCompile(`^(?:#\d+: *|-> #\d+ *)?(?:[0-9a-f]{8,16} *)?\([^{]*$`)
