package goroot

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// edits is a set of replacements in one text, in any order. Insertions at one
// offset keep the order in which they were made.
type edits []edit

type edit struct {
	off, end int // bytes of the text that are replaced; equal for an insertion
	with     string
}

func (e *edits) insert(off int, text string) {
	*e = append(*e, edit{off, off, text})
}

func (e *edits) replace(off, end int, text string) {
	*e = append(*e, edit{off, end, text})
}

// apply returns text with the edits made. Edits that overlap are a mistake in
// the table of anchors and panic.
func (e edits) apply(text []byte) []byte {
	sorted := slices.Clone(e)
	slices.SortStableFunc(sorted, func(a, b edit) int { return cmp.Compare(a.off, b.off) })
	var out bytes.Buffer
	at := 0
	for _, ed := range sorted {
		if ed.off < at {
			panic(fmt.Sprintf("goroot: edits overlap at offset %d (%q)", ed.off, ed.with))
		}
		out.Write(text[at:ed.off])
		out.WriteString(ed.with)
		at = ed.end
	}
	out.Write(text[at:])
	return out.Bytes()
}
