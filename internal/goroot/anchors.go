package goroot

// anchors is the table of everything that is changed in the user's own files.
// It has held unchanged from Go 1.24 to 1.26: the anchors are chosen so that
// releases differ around them, not at them. In the text, $r is the name of the
// method's receiver.
//
// Each inserted text ends up on the line of its anchor, so that stack traces
// and breakpoints of the copy agree with the original.
var anchors = []struct {
	path string // below GOROOT/src
	ops  []op
}{
	// A lock is its own map (see _std/sync/lockdep.go). The caller's PC is taken in the exported method
	// itself: its caller is the line that names the lock.
	//
	// A Mutex that is free is judged when it is taken, one that is not before the wait: so the lock's cache
	// line is fetched once, and for writing. Pop is inlined.
	{"sync/mutex.go", []op{
		imports("internal/lockdep", "internal/runtime/sys"),
		swap("(*Mutex).Lock", "$r.mu.Lock()", "if $r.mu.LockdepTry() { if !lockdep.Again(lockdepMap(&$r.mu), sys.GetCallerPC()) { lockdep.Taken(lockdepMap(&$r.mu), sys.GetCallerPC()) } } else { lockdep.Lock(lockdepMap(&$r.mu), sys.GetCallerPC()); $r.mu.LockdepSlow(); lockdep.Locked(lockdepMap(&$r.mu)) }"),
		rename("(*Mutex).TryLock", "lockdepTryLock"),
		head("(*Mutex).Unlock", "if !lockdep.Pop(lockdepMap(&$r.mu)) { lockdep.Unlock(lockdepMap(&$r.mu)) }"),
	}},

	// Only who really sleeps is a wait.
	{"internal/sync/mutex.go", []op{
		imports("internal/lockdep"),
		before("(*Mutex).lockSlow", "runtime_SemacquireMutex(&$r.sema, queueLifo, 2)", "lockdep.Blocked(unsafe.Pointer($r)); "),
	}},

	// A RWMutex uses the map of its inner Mutex w, and w itself without hooks.
	// RLocker's Lock has a RLock of its own that takes the PC of its caller.
	{"sync/rwmutex.go", []op{
		imports("internal/lockdep", "internal/runtime/sys"),
		readLock("sys.GetCallerPC()"),
		rename("(*RWMutex).TryRLock", "lockdepTryRLock"),
		head("(*RWMutex).RUnlock", "if !lockdep.Pop(lockdepMap(&$r.w.mu)) { lockdep.RUnlock(lockdepMap(&$r.w.mu)) }"),
		head("(*RWMutex).Lock", "lockdep.WLock(lockdepMap(&$r.w.mu), sys.GetCallerPC())"),
		swap("(*RWMutex).Lock", "$r.w.Lock()", "$r.w.mu.Lock()"),
		before("(*RWMutex).Lock", "runtime_SemacquireRWMutex(&$r.writerSem, false, 0)", "lockdep.Queued(lockdepMap(&$r.w.mu)); "),
		tail("(*RWMutex).Lock", "lockdep.Locked(lockdepMap(&$r.w.mu))"),
		rename("(*RWMutex).TryLock", "lockdepTryLock"),
		swap("(*RWMutex).TryLock", "$r.w.TryLock()", "$r.w.mu.TryLock()"),
		swap("(*RWMutex).TryLock", "$r.w.Unlock()", "$r.w.mu.Unlock()"),
		head("(*RWMutex).Unlock", "if !lockdep.Pop(lockdepMap(&$r.w.mu)) { lockdep.Unlock(lockdepMap(&$r.w.mu)) }"),
		swap("(*RWMutex).Unlock", "$r.w.Unlock()", "$r.w.mu.Unlock()"),
		clone("(*RWMutex).RLock", "lockdepRLock", "pc uintptr", readLock("pc")),
		swap("(*rlocker).Lock", "(*RWMutex)($r).RLock()", "(*RWMutex)($r).lockdepRLock(sys.GetCallerPC())"),
	}},

	// Once.Do waits for whoever runs f, as for a lock that is held around f.
	{"sync/once.go", []op{
		imports("internal/lockdep", "internal/runtime/sys"),
		swap("(*Once).Do", "$r.doSlow(f)", "$r.doSlow(f, sys.GetCallerPC())"),
		after("(*Once).Do", "if …", " else { lockdep.OnceDone(lockdepMap(&$r.m.mu), sys.GetCallerPC()) }"),
		param("(*Once).doSlow", "pc uintptr"),
		swap("(*Once).doSlow", "$r.m.Lock()", "lockdep.Once(lockdepMap(&$r.m.mu), pc); $r.m.mu.Lock(); lockdep.Locked(lockdepMap(&$r.m.mu))"),
		swap("(*Once).doSlow", "defer $r.m.Unlock()", "defer $r.m.mu.Unlock(); defer lockdep.OnceUnlock(lockdepMap(&$r.m.mu))"),
	}},
	// Those who are done leave what they took where Wait finds it, by a number in
	// the padding of the WaitGroup.
	{"sync/waitgroup.go", []op{
		imports("internal/lockdep", "internal/runtime/sys", "unsafe"),
		head("(*WaitGroup).Add", "if lockdep.Record && delta < 0 { lockdep.Send(unsafe.Pointer($r)) }; if gen := lockdepGen($r); delta < 0 { if *gen != 0 { lockdep.Done(unsafe.Pointer($r), gen) } } else if *gen == 0 { lockdep.Adding(gen) }"),
		before("(*WaitGroup).Wait", "runtime_SemacquireWaitGroup(…", "lockdep.Wait(lockdepGen($r), sys.GetCallerPC()); "),
		after("(*WaitGroup).Wait", "runtime_SemacquireWaitGroup(…", "; lockdep.Woken()"),
		beforeEach("(*WaitGroup).Wait", "return", "if lockdep.Record { lockdep.Receive(unsafe.Pointer($r)) }; if gen := lockdepGen($r); *gen != 0 { lockdep.Waited(unsafe.Pointer($r), gen, sys.GetCallerPC()) }; "),
	}},
	{"sync/cond.go", []op{
		imports("internal/lockdep", "internal/runtime/sys", "unsafe"),
		head("(*Cond).Signal", "if lockdep.Record { lockdep.Send(unsafe.Pointer($r)) }"),
		head("(*Cond).Broadcast", "if lockdep.Record { lockdep.Send(unsafe.Pointer($r)) }"),
		after("(*Cond).Wait", "runtime_notifyListWait(&c.notify, t)", "; if lockdep.Record { lockdep.Receive(unsafe.Pointer(c)) }"),
		before("(*Cond).Wait", "runtime_notifyListWait(&c.notify, t)", "lockdep.CondWait(sys.GetCallerPC()); "),
	}},

	// A channel knows where it was made, by a number in a hole of its struct. The
	// hooks stand where one goroutine wakes another one, after the channel's lock
	// was released; an operation that wakes nobody has none.
	{"runtime/chan.go", []op{
		fieldAfter("hchan", "elemsize", "; lockdep uint16"),
		after("makechan", "c.elemsize = uint16(elem.Size_)", "; c.lockdep = lockdepMake(sys.GetCallerPC())"),
		swap("chansend", "send(c, sg, ep, func() { unlock(&c.lock) }, 3)",
			"send(c, sg, ep, func() { unlock(&c.lock); lockdepMeet(c, sg, LockdepReceives|lockdepBlocks(block)) }, 3)"),
		swap("chanrecv", "recv(c, sg, ep, func() { unlock(&c.lock) }, 3)",
			"recv(c, sg, ep, func() { unlock(&c.lock); lockdepMeet(c, sg, lockdepBlocks(block)) }, 3)"),
		head("chansend", "if lockdepRecord { lockdepSend(unsafe.Pointer(c)) }"),
		beforeEach("chansend", "return true", "if lockdepRecord { lockdepReceive(unsafe.Pointer(c)) }; "),
		head("chanrecv", "if lockdepRecord { lockdepSend(unsafe.Pointer(c)) }"),
		beforeEach("chanrecv", "return true, false", "lockdepClosed(c); if lockdepRecord { lockdepReceive(unsafe.Pointer(c)) }; "),
		beforeEach("chanrecv", "return true, true", "if lockdepRecord { lockdepReceive(unsafe.Pointer(c)) }; "),
		before("chanrecv", "return true, success", "if lockdepRecord { lockdepReceive(unsafe.Pointer(c)) }; "),
		head("closechan", "if lockdepRecord { lockdepSend(unsafe.Pointer(c)) }"),
		after("closechan", "c.closed = 1", "; lockdepClose(c)"),
		before("closechan", "lock(&c.lock)", "lockdepCloses(c); "),
		before("closechan", "goready(gp, 3)", "lockdepMeet(c, (*sudog)(gp.param), LockdepReceives|LockdepOneSided); "),
	}},
	{"runtime/select.go", []op{
		head("selectgo", "if lockdepRecord { lockdepSelect(cas0, nsends+nrecvs, false) }"),
		before("selectgo", "return casi, recvOK", "if lockdepRecord { lockdepSelect(cas0, nsends+nrecvs, true) }; "),
		swap("selectgo", "recv(c, sg, cas.elem, func() { selunlock(scases, lockorder) }, 2)",
			"recv(c, sg, cas.elem, func() { selunlock(scases, lockorder); lockdepMeet(c, sg, lockdepSelects(block)) }, 2)"),
		swap("selectgo", "send(c, sg, cas.elem, func() { selunlock(scases, lockorder) }, 2)",
			"send(c, sg, cas.elem, func() { selunlock(scases, lockorder); lockdepMeet(c, sg, LockdepReceives|lockdepSelects(block)) }, 2)"),
	}},

	// A goroutine carries the locks that it holds. They stay with the g when
	// it is used again.
	{"runtime/runtime2.go", []op{
		lastField("g", "lockdep unsafe.Pointer; lockdepMaker uint64; lockdepBirth lockdepBirth; lockdepTest uint32; lockdepEvent uint16; lockdepOwner bool"),
		since("go1.26", rename("waitReason.isChanWait", "lockdepIsChanWait")),
		since("go1.26", rename("waitReason.isSyncWait", "lockdepIsSyncWait")),
	}},
	{"runtime/proc.go", []op{
		after("newproc1", "newg.parentGoid = callergp.goid", "; newg.lockdepTest = callergp.lockdepTest; newg.lockdepOwner = false; newg.lockdepBirth.set(); newg.lockdepMaker = lockdepGo(callergp)"),
		head("newproc", "if lockdepRecord { lockdepFork() }"),
		head("goexit1", "if gp := getg(); gp.lockdep != nil { lockdepGoexit(gp.lockdep) }"),
		before("checkdead", `fatal("all goroutines are asleep - deadlock!")`, "if lockdepAsleep() { return }; lockdepDying(); "),
		before("main", "fn := main_main", "lockdepInitDone(); "),
		beforeEach("main", "racefini()", "lockdepExit(0); "), // does not return
		before("main", "exit(0)", "lockdepExit(0); "),
		swap("runqput", "randomizeScheduler", "(randomizeScheduler || lockdepMix)"),
		swap("runqputslow", "randomizeScheduler", "(randomizeScheduler || lockdepMix)"),
		swap("runqputbatch", "randomizeScheduler", "(randomizeScheduler || lockdepMix)"),
		after("os_beforeExit", "runExitHooks(exitCode)", "; lockdepExit(exitCode)"),
	}},

	// A mutex's semaphore shares its word with the map. A Cond's waiters are
	// woken here, too.
	{"runtime/sema.go", []op{
		swap("semacquire1", "cansemacquire(addr)", "lockdepCansemacquire(addr, reason)"),
		swap("semrelease1", "cansemacquire(addr)", "lockdepCansemacquire(addr, waitReasonSyncMutexLock)"),
		before("notifyListNotifyAll", "readyWithTime(s, 4)", "lockdepSignal(l, s.g); "),
		before("notifyListNotifyOne", "readyWithTime(s, 4)", "lockdepSignal(l, s.g); "),
	}},
	// The test of the size of g, whose three words more are meant. Some
	// distributions leave tests out.
	{testOfSize, []op{
		swap("TestSizeof", "reflect.TypeOf(tt.val).Size()",
			"reflect.TypeOf(tt.val).Size(); if reflect.TypeOf(tt.val).Name() == \"g\" { got -= 3*unsafe.Sizeof(uintptr(0)) }"),
	}},
	// What annotate sees at compile time: nobody has a Func by value.
	{"runtime/symtab.go", []op{
		lastField("Func", "lockdep [8]byte"),
	}},
	{"runtime/panic.go", []op{
		head("fatalpanic", "lockdepDying()"),
	}},
	// The search for goroutines that can never go on is told apart from the
	// collector's own (see _std/runtime/lockdep_leak.go).
	{"runtime/mgc.go", []op{
		since("go1.26", rename("findGoroutineLeaks", "lockdepFindLeaks")),
		since("go1.26", swap("findGoroutineLeaks", "casgstatus(gp, _Gwaiting, _Gleaked)",
			"if !lockdepSearch.asked.Load() { casgstatus(gp, _Gwaiting, _Gleaked) }")),
		since("go1.26", rename("(*g).isMaybeRunnable", "lockdepIsMaybeRunnable")),
	}},
	{"runtime/mgcmark.go", []op{
		since("go1.26", rename("(*g).internalBlocked", "lockdepInternalBlocked")),
	}},
	// The dump of a goroutine says which locks it holds.
	{"runtime/traceback.go", []op{
		tail("goroutineheader", "lockdepHeader(gp)"),
	}},

	// A finding fails the test that made it, in the way of a data race.
	{"testing/testing.go", []op{
		after("tRunner", "t.resetRaces()", "; t.lockdepStart()"),
		head("(*T).Parallel", "if $r.lockdepParallel() { return }"),
		before("tRunner", "t.report()", "t.lockdepEnd(); "),
		before("tRunner", "t.done = true", "t.lockdepReported(); "),
		head("(*common).checkRaces", "$r.checkLockdep()"),
		head("(*M).Run", "lockdepRun($r)"),
		before("(*M).startAlarm", "deadline := time.Now().Add(*timeout)", "lockdepAlarm(true); "),
		before("(*M).startAlarm", "panic(fmt.Sprintf(…", "lockdepTimeout(); "),
		head("(*M).stopAlarm", "lockdepAlarm(false)"),
		after("(*M).Run", "anyFailed := …", "; anyFailed = lockdepAfterRun(anyFailed)"),
	}},

	// The map of a lock is no part of the value that a program sees.
	{"reflect/deepequal.go", []op{
		before("deepValueEqual", "!deepValueEqual(v1.Field(i), v2.Field(i), visited)", "!lockdepField(v1, i) && "),
	}},
	{"fmt/print.go", []op{
		swap("(*pp).printValue", "p.printValue(getField(f, i), verb, depth+1)", "p.printValue(lockdepValue(f, i, getField(f, i)), verb, depth+1)"),
	}},
}

// testOfSize is the one file of the table that may be missing.
const testOfSize = "runtime/sizeof_test.go"

// readLock instruments RLock: its count never waits, so the judgement comes
// after it and before the wait. pc is the text of the caller's PC.
func readLock(pc string) op {
	const name = "(*RWMutex).RLock"
	count := swap(name, "$r.readerCount.Add(1) < 0", "$r.lockdepRTaken($r.readerCount.Add(1) < 0, "+pc+")")
	wait := after(name, "runtime_SemacquireRWMutexR(…", "; lockdep.RLocked(lockdepMap(&$r.w.mu))")
	return func(t *target) error {
		if err := count(t); err != nil {
			return err
		}
		return wait(t)
	}
}
