package names

import (
	"go/types"
	"strings"
	"unicode"
)

// wrappers tells which types are wrappers.
//
// A named struct type W, not of package sync, is a wrapper if it
//
//  1. has methods Lock() and Unlock(), or RLock() and RUnlock(), of its own or
//     promoted, without parameters and results: it can be used as a mutex;
//  2. has a field, embedded or plain, whose type is sync.Mutex, sync.RWMutex,
//     another wrapper, or a pointer to one of them; or is itself defined as one
//     of the first two (type Mutex sync.Mutex): it is made of a mutex;
//  3. and is nothing else: either the last word of its name is one of a mutex
//     (mutex, mu, lock, locker, rwlock, spinlock; any word that ends in mutex
//     will do), or it has no field but the mutex, other than blank and empty
//     ones, and no method whose name does not speak of locking.
//
// Anything else with a Lock method, a server that locks its mu in it, is not a
// wrapper: its inner field names the lock.
//
// All this is told from the type, as callers are in other packages than W.
type wrappers struct {
	memo map[*types.TypeName]bool
}

// syncType returns the name of t, if it is a type of package sync.
func syncType(t *types.Named) string {
	if obj := t.Obj(); obj.Pkg() != nil && obj.Pkg().Path() == "sync" {
		return obj.Name()
	}
	return ""
}

func mutexName(name string) bool { return name == "Mutex" || name == "RWMutex" }

// lockName reports whether a wrapper's method of this name takes the lock.
// Wrappers have more of them than sync has: LockCtx, NestedLock, TryLockFor.
func lockName(name string) bool {
	return strings.Contains(name, "Lock") && !strings.Contains(name, "Unlock") &&
		!strings.Contains(name, "UnLock") && !strings.Contains(name, "Locked") &&
		!strings.HasSuffix(name, "Locker")
}

// deref returns the named type of t or of what t points to, else nil.
func deref(t types.Type) *types.Named {
	if p, ok := types.Unalias(t).Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	n, _ := types.Unalias(t).(*types.Named)
	return n
}

func (w *wrappers) is(t *types.Named) bool {
	if t == nil {
		return false
	}
	t = t.Origin()
	is, seen := w.memo[t.Obj()]
	if !seen {
		w.memo[t.Obj()] = false // for the time being: a type may refer to itself
		is = w.decide(t)
		w.memo[t.Obj()] = is
	}
	return is
}

func (w *wrappers) decide(t *types.Named) bool {
	st, ok := t.Underlying().(*types.Struct)
	if !ok || t.Obj().Pkg() == nil || mutexName(syncType(t)) ||
		!hasMethods(t, "Lock", "Unlock") && !hasMethods(t, "RLock", "RUnlock") {
		return false
	}
	if definedAsMutex(st) {
		return true
	}
	made, others := false, 0
	for f := range st.Fields() {
		n := deref(f.Type())
		if n != nil && (mutexName(syncType(n)) || w.is(n)) {
			made = true
		} else if e, ok := f.Type().Underlying().(*types.Struct); f.Name() != "_" && (!ok || e.NumFields() > 0) {
			others++
		}
	}
	if !made || mutexWord(t.Obj().Name()) {
		return made
	}
	if others > 0 {
		return false
	}
	for m := range t.Methods() {
		if !strings.Contains(strings.ToLower(m.Name()), "lock") {
			return false
		}
	}
	return true
}

// definedAsMutex reports whether a type with the methods of a mutex was defined
// as sync.Mutex or sync.RWMutex: the fields keep the package they came from.
func definedAsMutex(st *types.Struct) bool {
	for f := range st.Fields() {
		if f.Pkg() == nil || f.Pkg().Path() != "sync" {
			return false
		}
	}
	return st.NumFields() > 0
}

func hasMethods(t *types.Named, names ...string) bool {
	for _, name := range names {
		obj, _, _ := types.LookupFieldOrMethod(types.NewPointer(t), true, t.Obj().Pkg(), name)
		fn, ok := obj.(*types.Func)
		if !ok || fn.Signature().Params().Len() != 0 || fn.Signature().Results().Len() != 0 {
			return false
		}
	}
	return true
}

// mutexWord reports whether a type's name says that it is a mutex. It looks
// at words, as Block, Clock and Emulator are no mutexes.
func mutexWord(name string) bool {
	last := ""
	for word := range words(name) {
		if strings.HasSuffix(word, "mutex") {
			return true
		}
		last = word
	}
	switch last {
	case "mu", "rwmu", "lock", "locker", "rwlock", "rlock", "rlocker", "spinlock":
		return true
	}
	return false
}

// words yields the words of a name in camel case, in lower case. A run of
// capitals is one word with what follows it: RWMutex is rwmutex.
func words(name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, lower := 0, false
		for i, c := range name {
			if i > start && (c == '_' || lower && unicode.IsUpper(c)) {
				if !yield(strings.ToLower(strings.Trim(name[start:i], "_"))) {
					return
				}
				start = i
			}
			lower = !unicode.IsUpper(c)
		}
		yield(strings.ToLower(strings.Trim(name[start:], "_")))
	}
}
