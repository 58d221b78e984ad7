package replay

import "github.com/golockdep/lockdep/ktrace"

type queue struct{}

func (r *Replay) slept(ev *ktrace.Event)                         {}
func (t *task) forget()                                          {}
func (r *Replay) waitAcquire(t *task, l *lock, ev *ktrace.Event) {}

type lockStat struct{}

func (r *Replay) statContended(t *task, l *lock, ev *ktrace.Event) {}
func (r *Replay) statAcquire(l *lock, m mode)                      {}
func (r *Replay) statRelease(e *entry, ev *ktrace.Event)           {}
func (r *Replay) statAcquired(e *entry, ev *ktrace.Event)          {}
