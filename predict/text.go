package predict

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/golockdep/lockdep/engine"
)

// shown is how many steps of a schedule are printed.
const shown = 24

// AppendText writes the schedule as a column for each side's goroutine, the
// steps of others and the first ones left out, with the acquisitions that never
// end in the last row.
func (d *Deadlock) AppendText(b []byte) []byte {
	column := map[uint64]int{}
	for i, s := range d.Sides {
		column[s.Wants.Goroutine] = i
	}
	var rows []Event
	for _, e := range d.Schedule {
		if _, ok := column[e.Goroutine]; ok && e.Kind != Begin {
			rows = append(rows, e)
		}
	}
	b = fmt.Appendf(b, "a schedule of the recorded run that ends there (%d events, %d of them here):\n\n", len(d.Schedule), min(len(rows), shown))
	cell := func(e Event, what string) string {
		s := what
		if e.Class != "" {
			s += " " + engine.ShortClass(e.Class)
		}
		if e.At.Line != 0 {
			s += fmt.Sprintf("  %s:%d", filepath.Base(e.At.File), e.At.Line)
		}
		return s
	}
	words := map[Kind]string{Lock: "lock", RLock: "rlock", Unlock: "unlock", RUnlock: "runlock", Send: "lets others go on", Receive: "goes on"}
	// An unlock does not say its class: that of its lock.
	classes := map[uint64]string{}
	for _, e := range d.Schedule {
		if e.Class != "" {
			classes[e.Object] = e.Class
		}
	}
	width := 0
	text := make([]string, len(rows))
	for i, e := range rows {
		if e.Kind == Unlock || e.Kind == RUnlock {
			e.Class = classes[e.Object]
		}
		text[i] = cell(e, words[e.Kind])
		if i >= len(rows)-shown {
			width = max(width, len(text[i])+2)
		}
	}
	last := make([]string, len(d.Sides))
	for i, s := range d.Sides {
		last[i] = cell(s.Wants, "waits for ever: "+words[s.Wants.Kind])
		width = max(width, len(last[i])+2)
	}
	line := func(cells []string) {
		b = append(b, strings.TrimRight("  "+strings.Join(cells, ""), " ")...)
		b = append(b, '\n')
	}
	pad := func(s string) string { return fmt.Sprintf("%-*s", width, s) }
	cells := make([]string, len(d.Sides))
	for i, s := range d.Sides {
		cells[i] = pad(fmt.Sprintf("goroutine %d", s.Wants.Goroutine))
	}
	line(cells)
	if len(rows) > shown {
		line([]string{"..."})
	}
	for i := max(0, len(rows)-shown); i < len(rows); i++ {
		for j := range cells {
			cells[j] = pad("")
		}
		cells[column[rows[i].Goroutine]] = pad(text[i])
		line(cells)
	}
	for i := range cells {
		cells[i] = pad(last[i])
	}
	line(cells)
	return b
}
