package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
	"unsafe"
)

// Version is lockdep's own version, as "lockdep version" prints it.
const Version = "v0.1.0"

func init() {
	options()
	if opt.off {
		return
	}
	host := engine.Host{
		Alloc:       runtime.LockdepAlloc,
		Task:        task,
		Goroutine:   goroutine,
		Maker:       runtime.LockdepMaker,
		Init:        runtime.LockdepInit,
		Collections: runtime.LockdepCollections,
		Word:        runtime.LockdepWord,
		Full:        full,
		Found:       found,
		Hang:        hang,
		Stack:       runtime.LockdepStack,
		Now:         runtime.LockdepClock,
		Lock:        runtime.LockdepLock,
		Unlock:      runtime.LockdepUnlock,
		MayWait:     runtime.LockdepMayWait,
		Look:        lockState,
	}
	host.Name, host.NameCall, host.Names = name, nameCall, names != ""
	steer = readSteer()
	host.Steer = steer
	readIgnored()
	begin()
	beginRecord()
	if recorder.on {
		host.Record = recordLock
	}
	if graph.name != nil {
		host.Journal, host.Flush = journal, flush
		flush()
	}
	if !v.Init(limits(), host) {
		say("lockdep: no memory for the validator's tables; this process is not validated\n")
		recorder.on = false
		return
	}
	runtime.LockdepOnGoexit = goexit
	runtime.LockdepOnExit = exit
	runtime.LockdepOnMeet = meet
	runtime.LockdepOnClose = closes
	runtime.LockdepOnClosed = closed
	runtime.LockdepOnGo = made
	on = true
	if opt.stat {
		v.Time()
	}
	runtime.LockdepOnMain = initDone
	runtime.LockdepReport()
}

// full says that a table is full, where no command reads the graph of the process and
// says it. The validator is locked.
func full(f engine.FullTable) {
	if !Testing {
		say("lockdep: " + f.String() + "\n")
	}
}

func limits() engine.Limits {
	l := engine.DefaultLimits()
	l.Text = 1 << 24
	return l
}

// goroutine also hands the test's label on to the task.
func goroutine() (uint64, uintptr) {
	id, pc := runtime.LockdepGoroutine()
	if t := (*Task)(runtime.LockdepTask()); t != nil {
		t.SetTest(engine.TestID(runtime.LockdepTest()))
	}
	return id, pc
}

func goexit(p unsafe.Pointer) { v.EndTask((*Task)(p)) }

// exit runs when the process ends in an orderly way.
func exit(code int) {
	if !on {
		return
	}
	leaks()
	release()
	finish(code)
	if code == 0 && failing != 0 && opt.exitcode != 0 && !Testing {
		runtime.LockdepQuit(opt.exitcode)
	}
}

// finish makes the files complete.
func finish(code int) {
	awaitTold()
	steered()
	attest(code)
	v.FlushStats()
	endRecord()
	lost()
}

// opt are the words of GOLOCKDEP, which are GORACE's.
var opt = struct {
	logPath  string
	exitcode int
	halt     bool
	fail     engine.Level
	off      bool
	leaks    bool
	stat     bool
	keep     bool // a test that hangs is left so
	http     string
}{exitcode: 66, fail: engine.Likely, leaks: true}

// options reads GOLOCKDEP: words "key=value" separated by blanks.
func options() {
	s := runtime.LockdepGetenv("GOLOCKDEP")
	for len(s) > 0 {
		i := 0
		for i < len(s) && s[i] != ' ' {
			i++
		}
		word := s[:i]
		for i < len(s) && s[i] == ' ' {
			i++
		}
		s = s[i:]
		k, val := cut(word, '=')
		switch k {
		case "":
		case "log_path":
			opt.logPath = val
			logName = []byte(val + "." + itoa(uint64(runtime.LockdepPid())) + "\x00")
		case "exitcode":
			opt.exitcode = number(val)
		case "halt_on_error":
			opt.halt = val == "1"
		case "leaks":
			opt.leaks = val != "0"
		case "mix":
			if val == "1" {
				runtime.LockdepMix()
			}
		case "hang":
			if opt.keep = val == "keep"; !opt.keep && val != "end" {
				say("lockdep: GOLOCKDEP: hang=" + val + ": expected end or keep\n")
			}
		case "stat":
			opt.stat = val == "1"
		case "http":
			opt.http = val
		case "off":
			opt.off = val == "1"
		case "fail":
			switch val {
			case "possible":
				opt.fail = engine.Possible
			case "likely":
				opt.fail = engine.Likely
			case "proved":
				opt.fail = engine.Proved
			case "none":
				opt.fail = engine.Proved + 1
			default:
				say("lockdep: GOLOCKDEP: fail=" + val + ": expected possible, likely, proved or none\n")
			}
		default:
			say("lockdep: GOLOCKDEP: unknown word " + k + " (known: log_path exitcode halt_on_error fail hang leaks mix stat http off)\n")
		}
	}
}

func cut(s string, c byte) (string, string) {
	for i := 0; i < len(s); i++ {
		if s[i] == c {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func number(s string) int {
	n := 0
	for i := 0; i < len(s) && s[i] >= '0' && s[i] <= '9' && n < 1000; i++ {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

func say(s string) { runtime.LockdepWrite(2, []byte(s)) }

func itoa(n uint64) string {
	var t [20]byte
	i := len(t)
	for {
		i--
		t[i] = byte('0' + n%10)
		n /= 10
		if n == 0 {
			return string(t[i:])
		}
	}
}
