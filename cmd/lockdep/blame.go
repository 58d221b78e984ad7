package main

import (
	"errors"
	"io"
)

// exitFinding is the exit status of a run that a finding failed, as GORACE's.
const exitFinding = 66

// A blame is why a run ends with the exit status 66: what was printed about it.
//
// Invariant: this file alone makes that status, and only where text went out
// for it. So nobody is left with a status and no word why.
type blame struct{ printed bool }

// on prints to w, with print, why the run fails. To print nothing is an error.
func (b *blame) on(w io.Writer, print func(w io.Writer) error) error {
	c := &countWriter{w: w}
	if err := print(c); err != nil {
		return err
	}
	if c.n == 0 {
		return errors.New("the run fails, and nothing was printed that says why: this is a fault of lockdep; please report it")
	}
	b.printed = true
	return nil
}

// status is the exit status as an error, nil where nothing was blamed.
func (b *blame) status() error {
	if !b.printed {
		return nil
	}
	return status(exitFinding)
}

// A countWriter counts what was written.
type countWriter struct {
	w io.Writer
	n int
}

func (c *countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += n
	return n, err
}
