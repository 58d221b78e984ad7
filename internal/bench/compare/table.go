package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// number prints three digits, as benchmark tables do.
func number(v float64) string {
	switch abs := math.Abs(v); {
	case abs < 0.05:
		return "0"
	case abs < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case abs < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	s := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v < 0 {
		s = "-" + s
	}
	return s
}

func row(w io.Writer, cells []string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

// header prints a table's first two lines.
func header(w io.Writer, cells []string) {
	row(w, cells)
	fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", len(cells)))
}

// writeTimes prints the table of times and allocations.
func (r *results) writeTimes(w io.Writer) {
	fmt.Fprintf(w, "%s, `-count=%d`, medians. Cell: ns/op / allocs/op / ratio to plain sync in the same round", r.cpu, r.rounds)
	if _, ok := r.mutexBytes[lockdep]; ok {
		fmt.Fprint(w, "; for lockdep also the difference to it in ns")
	}
	fmt.Fprint(w, "; n, the number of rounds, where it is smaller.\n")
	cells := []string{"case"}
	for _, i := range r.impls() {
		cells = append(cells, i.title)
	}
	fmt.Fprintln(w)
	header(w, cells)
	for _, c := range r.cases() {
		cells = []string{c}
		for _, i := range r.impls() {
			cells = append(cells, r.timeCell(c, i.name))
		}
		row(w, cells)
	}
	if each := r.each("A_Uncontended", plainSync, nanos); len(each) > 1 {
		fmt.Fprintf(w, "\nNoise: plain sync's A_Uncontended took between %s and %s ns.\n", number(each[0]), number(each[len(each)-1]))
	}
}

func (r *results) timeCell(c, impl string) string {
	ns, ok := r.median(c, impl, nanos)
	if !ok {
		return "-"
	}
	cell := number(ns)
	if allocs, ok := r.median(c, impl, value(allocsPerOp)); ok {
		cell += " / " + strconv.FormatFloat(allocs, 'g', -1, 64) + "a"
	}
	if x, ok := r.median(c, impl, ratio); ok && impl != plainSync {
		cell += " / " + number(x) + "x"
	}
	if d, ok := r.median(c, impl, extra); ok && impl == lockdep {
		cell += fmt.Sprintf(" / %s ns", signed(d))
	}
	if n := len(r.samples[key{c, impl}]); n < r.rounds {
		cell += fmt.Sprintf(" (n=%d)", n)
	}
	return cell
}

func signed(v float64) string {
	if v < 0 {
		return number(v)
	}
	return "+" + number(v)
}

// memoryUnits are the heap metrics of the batch cases and their meaning.
var memoryUnits = []struct{ unit, meaning string }{
	{"obj-B/lock", "the lock itself"},
	{"live-B/lock", "added by its first Lock, lock reachable"},
	{"kept-B/lock", "kept when no lock is reachable"},
	{"live-B/goroutine", "added by a goroutine's first nested pair"},
}

// writeMemory prints the table of live heap, if there is any.
func (r *results) writeMemory(w io.Writer) {
	started := false
	for _, c := range r.cases() {
		for _, m := range memoryUnits {
			if _, ok := r.median(c, plainSync, value(m.unit)); !ok {
				continue
			}
			if !started {
				started = true
				fmt.Fprint(w, "\nLive Go heap, in bytes.\n\n")
				cells := []string{"case", "heap"}
				for _, i := range r.impls() {
					cells = append(cells, i.title)
				}
				header(w, cells)
			}
			cells := []string{c, m.unit + ": " + m.meaning}
			for _, i := range r.impls() {
				cell := "-"
				if v, ok := r.median(c, i.name, value(m.unit)); ok {
					cell = number(v)
				}
				cells = append(cells, cell)
			}
			row(w, cells)
		}
	}
}
