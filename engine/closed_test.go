package engine

import (
	"strings"
	"testing"
)

// The scripts are those of TestEvents. 1 holds l, waits for the close with which 2
// leaves, and takes a and b the other way round than 2 did.
func TestAfterClose(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"behind the wait", "2Lb 2La 2ua 2ub 1Ll 2c1 1La 1Lb", "circular possible"},
		{"two locks around it", "2Lb 2La 2ua 2ub 1Lk 1Ll 2c1 1La 1Lb", "circular possible"},
		{"the other one ends", "2Lb 2La 2ua 2ub 1Ll 2c1 2x- 1La 1Lb", "circular possible"},
		{"it takes another lock", "2Lb 2La 2ua 2ub 1Ll 2c1 2Lc 2uc 1La 1Lb", "circular possible"},
		{"it takes them under the gate", "2Lb 2La 2ua 2ub 1Ll 2c1 1La 1Lb 1ub 1ua 1ul 2Ll 2Lb 2La", "circular possible"},
		{"it takes many under the gate", "2Lb 2La 2ua 2ub 1Ll 2c1 1La 1Lb 1ub 1ua 1ul 2Ll " + strings.Repeat("2La 2ua ", 40), "circular possible"},
		{"three locks", "2Lc 2La 2ua 2uc 3Lb 3Lc 3uc 3ub 1Ll 2c1 1La 1Lb", "circular possible"},

		{"no wait", "2Lb 2La 2ua 2ub 1Ll 1La 1Lb", "circular likely"},
		{"no lock around the wait", "2Lb 2La 2ua 2ub 2c1 1La 1Lb", "circular likely"},
		{"the lock around it is let go", "2Lb 2La 2ua 2ub 1Ll 2c1 1ul 1La 1Lb", "circular likely"},
		{"let go and taken again", "2Lb 2La 2ua 2ub 1Ll 2c1 1ul 1Ll 1La 1Lb", "circular likely"},
		{"one of two is let go", "2Lb 2La 2ua 2ub 1Lk 1Ll 2c1 1uk 1La 1Lb", "circular likely"},
		{"the wait is behind the outer lock", "2Lb 2La 2ua 2ub 1Ll 1La 2c1 1Lb", "circular likely, wait possible"},
		{"it goes on", "2Lb 2La 2ua 2ub 1Ll 2c1 2Lb 2La 2ua 2ub 1La 1Lb", "circular likely"},
		{"it goes on for long", "2Lb 2La 2ua 2ub 1Ll 2c1 " + strings.Repeat("2Lc 2uc ", 40) + "1La 1Lb", "circular likely"},
		{"it goes on later", "2Lb 2La 2ua 2ub 1Ll 2c1 1La 1Lb 1ub 1ua 2Lb 2La 2ua 2ub", "circular likely"},
		{"it goes on by a try", "2Lb 2La 2ua 2ub 1Ll 2c1 1La 1Lb 1ub 1ua 2Tb 2La", "circular likely"},
		{"it holds the lock at the close", "2Lb 2La 2ua 1Ll 2c1 2ub 1La 1Lb", "circular likely"},
		{"a third one", "2Lb 2La 2ua 2ub 1Ll 2c1 1La 1Lb 1ub 1ua 3Lb 3La", "circular likely"},
		{"a third one, before", "3Lb 3La 3ua 3ub 2Lb 2ub 1Ll 2c1 1La 1Lb", "circular likely"},
		{"the same without the wait, later", "2Lb 2La 2ua 2ub 1Ll 2c1 1La 1Lb 1ub 1ua 1ul 1Ll 1La 1Lb", "circular likely"},
		{"the same without the wait, before", "1Ll 1La 1Lb 1ub 1ua 1ul 2Lb 2La 2ua 2ub 1Ll 2c1 1La 1Lb", "circular likely"},
		{"the same behind the wait for another one", "2Lb 2La 2ua 2ub 1Ll 2c1 1La 1Lb 1ub 1ua 1ul 3Lc 3uc 1Ll 3c1 1La 1Lb", "circular likely"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := New(SmallLimits(), Host{})
			p := newPlayer(v)
			for op := range strings.FieldsSeq(c.script) {
				p.play(op)
			}
			if got := shown(v); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			for _, backwards := range []bool{false, true} {
				if got := shown(again(v, backwards)); got != c.want {
					t.Errorf("judged again (backwards: %v): got %q, want %q", backwards, got, c.want)
				}
			}
		})
	}
}

// Who comes after the close does not sleep. 3 is one that slept before: so it is known
// that locks are held where such closes are waited for.
func TestAfterCloseWithoutSleep(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"known", "4Lx 4ux 3Lk 4c3 3uk 2Lb 2La 2ua 2ub 2C- 1Lk 1D2 1La 1Lb", "circular possible"},
		{"known by one that did not sleep", "4Lx 4ux 4C- 3Lk 3D4 3uk 2Lb 2La 2ua 2ub 2C- 1Lk 1D2 1La 1Lb", "circular possible"},
		{"it takes them under the gate", "4Lx 4ux 3Lk 4c3 3uk 2Lb 2La 2ua 2ub 2C- 1Lk 1D2 1La 1Lb 1ub 1ua 1uk 2Lk 2Lb 2La", "circular possible"},
		{"the first", "2Lb 2La 2ua 2ub 2C- 1Lk 1D2 1La 1Lb", "circular likely"},
		{"another lock around it", "4Lx 4ux 3Ll 4c3 3ul 2Lb 2La 2ua 2ub 2C- 1Lk 1D2 1La 1Lb", "circular likely"},
		{"no lock around it", "4Lx 4ux 3Lk 4c3 3uk 2Lb 2La 2ua 2ub 2C- 1D2 1La 1Lb", "circular likely"},
		{"let go", "4Lx 4ux 3Lk 4c3 3uk 2Lb 2La 2ua 2ub 2C- 1Lk 1D2 1uk 1Lk 1La 1Lb", "circular likely"},
		{"it goes on", "4Lx 4ux 3Lk 4c3 3uk 2Lb 2La 2ua 2ub 2C- 1Lk 1D2 1La 1Lb 1ub 1ua 2Lb 2La", "circular likely"},
		{"closed by another one", "4Lx 4ux 3Lk 4c3 3uk 2Lb 2La 2ua 2ub 4C- 1Lk 1D4 1La 1Lb", "circular likely"},
		{"with the lock held", "4Lx 4ux 3Lk 4c3 3uk 2Lb 2La 2ua 2C- 2ub 1Lk 1D2 1La 1Lb", "circular likely"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlayer(New(SmallLimits(), Host{}))
			for op := range strings.FieldsSeq(c.script) {
				switch op[1] {
				case 'C':
					if p.event.gate.Load()+1 > 1 { // as the runtime does
						p.v.Closes(p.task(op[0]), &p.event)
					}
				case 'D':
					p.v.Closed(p.task(op[0]), &p.event, p.task(op[2]).goid)
				default:
					p.play(op)
				}
			}
			if got := shown(p.v); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
