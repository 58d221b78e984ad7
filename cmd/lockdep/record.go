package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/golockdep/lockdep/engine"
	"github.com/golockdep/lockdep/predict"
)

// recordTag is the build tag with which the instrumented runtime records.
const recordTag = "lockdeprecord"

// predict looks for deadlocks that the recorded processes could have ended in,
// by their pairs of classes. It says on w what is missing.
func (j *judgement) predict(w io.Writer) (map[string]*predict.Deadlock, error) {
	if j.s == nil || !j.s.own.record {
		return nil, nil
	}
	out := map[string]*predict.Deadlock{}
	files, err := filepath.Glob(filepath.Join(j.s.graph, "*"+predict.Ext))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	for _, name := range files {
		t, err := predict.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if t.Cut {
			fmt.Fprintf(w, "lockdep: %s ends early: its process was killed, or it was too long; what is there was looked at\n", filepath.Base(name))
		}
		for _, d := range predict.Find(t) {
			if out[d.Key()] == nil {
				out[d.Key()] = &d
			}
		}
	}
	return out, nil
}

// pairsOf is a finding's cycle in the form of [predict.Deadlock.Key].
func pairsOf(f *engine.Finding) string {
	switch f.Kind {
	case engine.KindCircular, engine.KindSameClass:
	default:
		return ""
	}
	var pairs []string
	for i := range f.Sides {
		pairs = append(pairs, f.Sides[i].Holds.Class+" > "+f.Sides[i].Wants.Class)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ", ")
}
