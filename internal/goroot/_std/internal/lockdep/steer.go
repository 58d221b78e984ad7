package lockdep

import (
	"internal/lockdep/engine"
	"runtime"
	"unsafe"
)

// GiveBack releases a lock that the running goroutine has, with no word to the
// validator; TakeAgain takes it, and tells it only where that waits. They are
// functions of package sync.
var GiveBack, TakeAgain func(m unsafe.Pointer, read bool)

func giveBack(m *Map, mode engine.Mode) { GiveBack(unsafe.Pointer(m), mode == engine.Read) }

func takeAgain(m *Map, mode engine.Mode) { TakeAgain(unsafe.Pointer(m), mode == engine.Read) }

// beside are the tests that run side by side, though they do not say so.
var beside []string

// Beside reports whether that test runs beside others in a run that steers.
func Beside(test string) bool {
	for _, s := range beside {
		if s == test {
			return true
		}
	}
	return false
}

// readSteer reads $LOCKDEPCONFIRM, lines that the command that set it wrote:
// "bound NANOSECONDS", "times N", "seed N", "beside TEST" and, of each side,
// "side W|R CLASS W|R CLASS": what it holds and what it wants, with tabs between.
// It returns nil where nothing is steered.
func readSteer() *engine.Steer {
	text := runtime.LockdepGetenv("LOCKDEPCONFIRM")
	if text == "" {
		return nil
	}
	s := &engine.Steer{Nanos: runtime.LockdepNanos, Pause: runtime.LockdepPause, Unlock: giveBack, Lock: takeAgain}
	for text != "" {
		var line, word, rest string
		line, text = cut(text, '\n')
		word, rest = cut(line, ' ')
		switch word {
		case "bound":
			s.Bound = int64(decimal(rest))
		case "times":
			s.Times = uint32(decimal(rest))
		case "seed":
			if s.Seed = decimal(rest); s.Seed != 0 {
				runtime.LockdepMix()
			}
		case "beside":
			beside = append(beside, rest)
		case "side":
			var side engine.SteerSide
			var mode string
			mode, rest = cut(rest, '\t')
			side.HoldsMode = modeOf(mode == "R")
			side.Holds, rest = cut(rest, '\t')
			mode, rest = cut(rest, '\t')
			side.WantsMode = modeOf(mode == "R")
			side.Wants = rest
			s.Sides = append(s.Sides, side)
		}
	}
	if len(s.Sides) == 0 {
		return nil
	}
	return s
}

func decimal(s string) uint64 {
	n := uint64(0)
	for i := 0; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		n = n*10 + uint64(s[i]-'0')
	}
	return n
}

// there ends a process that steered and is there: its goroutines stand in the
// knot for ever, and their stacks are the proof.
func there(f *engine.Finding) {
	if steer == nil || f.Level != engine.Proved || len(f.Sides) != len(steer.Sides) {
		return
	}
	for i := range f.Sides {
		found := false
		for j := range steer.Sides {
			found = found || f.Sides[i].Holds.Class == steer.Sides[j].Holds && f.Sides[i].Wants.Class == steer.Sides[j].Wants
		}
		if !found {
			return // another deadlock, on the way
		}
	}
	runtime.LockdepFatal("lockdep: the deadlock that was steered to is there")
}

var steer *engine.Steer

// steered says at the end of a process how far it came.
func steered() {
	if steer == nil {
		return
	}
	st := v.SteerStats()
	s := "lockdep: steered: stood"
	for _, n := range st.Stood {
		s += " " + itoa(uint64(n))
	}
	say(s + ", met " + itoa(uint64(st.Met)) + "\n")
}
