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

// A report is a finding of a test binary.
type report struct {
	next  *report
	test  string
	text  string
	id    string
	level engine.Level
}

// Newest first: what no test has reported yet, what stands in the log of a test
// that is not printed yet, and what was printed. Each is a *report.
var reports, logged, printed unsafe.Pointer

func (r *report) push(list *unsafe.Pointer) {
	for {
		r.next = (*report)(atomic.LoadPointer(list))
		if atomic.CompareAndSwapPointer(list, unsafe.Pointer(r.next), unsafe.Pointer(r)) {
			return
		}
	}
}

func takeAll(list *unsafe.Pointer) *report {
	if atomic.LoadPointer(list) == nil {
		return nil
	}
	return (*report)(atomic.SwapPointer(list, nil))
}

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

// say1 prints a finding, or leaves it to the test that made it. A finding counts
// as one that fails the process only when it was printed: whoever ends the
// process meanwhile does not end it for a reason that nobody can read.
func say1(f *engine.Finding, text []byte) {
	fails := f.Level >= opt.fail
	quits := fails && opt.halt // no test will come to report it
	if !Testing || f.Level == engine.Proved || quits {
		print(text)
	}
	if fails {
		atomic.AddUint32(&failing, 1)
	}
	tell(text)
	if Testing && fails {
		r := &report{test: f.Sides[0].Test, text: string(text), id: f.ID, level: f.Level}
		r.push(&reports)
	}
	there(f)
	if quits {
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
	runtime.LockdepSetOwner(true)
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
	var out []string
	for r := takeAll(&reports); r != nil; {
		next := r.next
		if of(r.test, test) {
			out = append(out, r.text)
			r.push(&logged)
		} else {
			r.push(&reports)
		}
		r = next
	}
	return out
}

// of reports whether name is that test or a subtest of it; every test is one of "".
func of(name, test string) bool {
	return test == "" || name == test || len(name) > len(test) && name[:len(test)] == test && name[len(test)] == '/'
}

// Printed is called when the log of the named test of the top is printed, and
// with an empty name when all is.
func Printed(test string) {
	for r := takeAll(&logged); r != nil; {
		next := r.next
		if of(r.test, test) {
			r.push(&printed)
		} else {
			r.push(&logged)
		}
		r = next
	}
}

// attest writes down which reports the user sees: go test shows what a process
// printed that it started itself and that failed. What a test printed that ran
// this process, or that TestMain ended well all the same, nobody may see.
func attest(code int) {
	if code == 0 || !runtime.LockdepOfGoTest() {
		return
	}
	for r := takeAll(&printed); r != nil; r = r.next {
		v.Said(r.id, r.level)
	}
}
