// Command cmd locks in many ways.
package main

import (
	"example.com/frames/lk"
	pkg "example.com/frames/pkg.v3"
)

type S struct {
	lk.Mutex
	mu   lk.Mutex
	next *S
}

func (s *S) self(args ...int) *S { return s }

func id[T any](v T) T { return v }

var global lk.Mutex

func main() {
	s := &S{}
	s.next = s
	chained(s)
	arguments(s)
	closures(s)
	for n := range 3 {
		deferred(s, n)
	}
	loop(s)
	values(s)
	inline(s)
	iterate()
	new(pkg.T[S]).Lock()
	func() {
		defer func() { recover() }()
		indirect(s)
	}()
	directive()
}

func chained(s *S) {
	lk.Want = "example.com/frames/cmd.S.mu"
	s.
		next.
		self(
			1,
			2,
		).
		self().
		mu.
		Lock()
	s.self(
		1,
	).mu.Lock()
	(*lk.Mutex).
		Lock(
			&s.mu,
		)
	lk.Want = "example.com/frames/cmd.S.Mutex"
	s.
		next.
		Lock()
}

func arguments(s *S) {
	lk.Want = "example.com/frames/cmd.S.mu"
	id(
		func() int {
			s.
				mu.Lock()
			return 1
		}(),
	)
}

func closures(s *S) {
	lk.Want = "example.com/frames/cmd.S.mu"
	done := make(chan bool)
	go func() {
		func() {
			s.mu.Lock()
		}()
		close(done)
	}()
	<-done
	f := func(s *S) {
		s.
			mu.Lock()
	}
	f(s)
}

func deferred(s *S, n int) int {
	lk.Want = "example.com/frames/cmd.S.mu"
	defer s.
		mu.Lock()
	if n == 1 {
		return n +
			1
	}
	for n == 2 {
		return 1
	}
	func() {
		defer s.mu.Lock()
	}()
	return 2
}

func loop(s *S) {
	lk.Want = "example.com/frames/cmd.S.mu"
	for range 2 {
		defer s.mu.Lock()
	}
	if s.next == s {
		return
	}
}

func values(s *S) {
	lk.Want = "example.com/frames/cmd.S.mu"
	f := s.mu.
		Lock
	f()
	defer f()
}

func indirect(s *S) {
	lk.Want = "example.com/frames/cmd.global"
	mu := &global
	mu.Lock()
	var locked [2]lk.Mutex
	lk.Want = "example.com/frames/cmd.indirect.locked[]"
	locked[1].Lock()
}

func inline(s *S) {
	lk.Want = "example.com/frames/cmd.S.mu"
	small(s)
	func() { small(s) }()
}

func small(s *S) { s.mu.Lock() }

func iterate() {
	for t := range pkg.Each[int] {
		lk.Want = "example.com/frames/pkg.v3.T.Mu"
		t.
			Mu.Lock()
	}
}

func directive() {
	lk.Want = "example.com/frames/cmd.global"
//line gen/grammar.y:10
	global.Lock()
}
