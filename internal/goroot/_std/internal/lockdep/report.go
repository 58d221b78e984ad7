package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Testing is set in a test binary: there the test that made a finding reports
// it; elsewhere it is printed at once.
var Testing bool

// logName is the file of GOLOCKDEP's log_path, made early: a dying process
// prints without allocating.
var logName []byte

var failing uint32 // findings that fail the run

// A report is a finding of a test binary that no test has reported yet.
type report struct {
	next *report
	test string
	text string
}

var reports unsafe.Pointer // *report, newest first

// ignored are the suppressions of $LOCKDEPIGNORE: the lines of an ignore file.
// The command that set it has checked them.
var ignored []engine.Suppression

func readIgnored() {
	text := runtime.LockdepGetenv("LOCKDEPIGNORE")
	for text != "" {
		var line string
		line, text = cut(text, '\n')
		if s, problem := engine.ParseSuppression(line); problem == "" && len(s.Classes) > 0 {
			ignored = append(ignored, s)
		}
	}
}

func ident() string { return "lockdep " + Version + " " + runtime.Version() + " " + binary() }

// found is the engine's news: a finding is new, or more certain than it was.
func found(id engine.FindingID) {
	f, ok := v.Finding(id)
	if !ok || f.Level == engine.Suppressed {
		return
	}
	if isIgnored(&f) {
		return
	}
	text := f.AppendText(nil, ident())
	if f.Pending {
		// Another goroutine, or a timer, may release the lock. If none does, the process
		// says so when it ends, by whatever end.
		hold(id, text)
		return
	}
	say1(&f, text)
}

func isIgnored(f *engine.Finding) bool {
	for i := range ignored {
		if ignored[i].Match(f) {
			return true
		}
	}
	return false
}

// say1 prints a finding, or leaves it to the test that made it.
func say1(f *engine.Finding, text []byte) {
	fails := f.Level >= opt.fail
	if fails {
		atomic.AddUint32(&failing, 1)
	}
	if !Testing || f.Level == engine.Proved {
		print(text)
	}
	tell(text)
	if Testing && fails {
		r := &report{test: f.Sides[0].Test, text: string(text)}
		for {
			r.next = (*report)(atomic.LoadPointer(&reports))
			if atomic.CompareAndSwapPointer(&reports, unsafe.Pointer(r.next), unsafe.Pointer(r)) {
				break
			}
		}
	}
	there(f)
	if fails && opt.halt {
		runtime.LockdepQuit(opt.exitcode)
	}
}

// print writes a report to where GOLOCKDEP's log_path says, as GORACE does.
func print(text []byte) {
	switch opt.logPath {
	case "", "stderr":
		runtime.LockdepWrite(2, text)
	case "stdout":
		runtime.LockdepWrite(1, text)
	default:
		if runtime.LockdepAppend(logName, text) != len(text) {
			runtime.LockdepWrite(2, text)
		}
	}
}

// EnterTest labels the running goroutine, and those that it makes, with a test.
func EnterTest(name string) {
	if !on {
		return
	}
	id := v.Test(name)
	runtime.LockdepSetTest(uint32(id))
	if t := (*Task)(runtime.LockdepTask()); t != nil {
		t.SetTest(id)
	}
}

// TakeReports returns the reports of the named test and its subtests, all that
// are left if the name is empty, and forgets them.
func TakeReports(test string) []string {
	if test == "" {
		leaks()
		release()
	}
	if atomic.LoadPointer(&reports) == nil {
		return nil
	}
	all := (*report)(atomic.SwapPointer(&reports, nil))
	var out []string
	for r := all; r != nil; {
		next := r.next
		if test == "" || r.test == test || len(r.test) > len(test) && r.test[:len(test)] == test && r.test[len(test)] == '/' {
			out = append(out, r.text)
		} else {
			for {
				r.next = (*report)(atomic.LoadPointer(&reports))
				if atomic.CompareAndSwapPointer(&reports, unsafe.Pointer(r.next), unsafe.Pointer(r)) {
					break
				}
			}
		}
		r = next
	}
	return out
}
