package splat

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"regexp"
	"strings"
)

// Bounds of what is kept of one report, and of how many are open at a time:
// with caller ids, reports of several tasks may alternate.
const (
	maxBlockLines = 20000
	maxBlockBytes = 4 << 20
	maxOpen       = 64
	maxQuiet      = 64    // foreign lines in a row that end a report
	maxAge        = 50000 // lines of the log after which a report has ended
)

// Parse reads all reports of a log, in the order of their banners. The error is
// r's, with the number of the line; what was read before it is returned with it.
func Parse(r io.Reader) ([]*Report, error) {
	var out []*Report
	for rep, err := range Reports(r) {
		if err != nil {
			return out, err
		}
		out = append(out, rep)
	}
	return out, nil
}

// Reports reads the reports of a log one after the other, in the order of their
// banners. After an error of r, which is yielded with a nil report, it ends.
func Reports(r io.Reader) iter.Seq2[*Report, error] {
	return func(yield func(*Report, error) bool) {
		s := &scanner{src: newSource(r)}
		err := s.run(func(rep *Report) bool { return yield(rep, nil) })
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, errRead(s.src.n, err))
		}
	}
}

// errStop: the consumer wants no more.
var errStop = errors.New("stop")

// A block is the lines of one report, as far as they were met.
type block struct {
	lines   []line
	caller  string
	kind    Kind
	state   string
	start   int // line of the banner
	last    int // line of the last one that was added
	bytes   int
	quiet   int
	base    int            // indentation of the banner
	learned *regexp.Regexp // a prefix of the banner's line that no rule knows
	clipped bool
	closed  bool
}

type scanner struct {
	src  *source
	prev [2]string // raw lines before the current one
	open []*block  // in the order of their banners; closed ones wait for their turn
}

func (s *scanner) run(yield func(*Report) bool) error {
	for {
		raw, err := s.src.next()
		if err != nil {
			for _, b := range s.open {
				b.closed = true
			}
			if !s.flush(yield) {
				return errStop
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		candidate := isCandidate(raw)
		if candidate || len(s.open) > 0 {
			s.lines(string(raw), candidate)
			if !s.flush(yield) {
				return errStop
			}
		}
		s.prev[1] = s.prev[0]
		s.prev[0] = string(raw[:min(len(raw), 512)])
	}
}

// isCandidate is a quick look for words that every banner has.
func isCandidate(raw []byte) bool {
	return bytes.Contains(raw, []byte("WARNING: ")) || bytes.Contains(raw, []byte("INFO: ")) ||
		bytes.Contains(raw, []byte("BUG: ")) || bytes.Contains(raw, []byte("DEBUG_LOCKS_WARN_ON("))
}

// lines hands the records of a raw line to the blocks that they belong to.
func (s *scanner) lines(raw string, candidate bool) {
	for _, l := range clean(raw, s.src.n) {
		if candidate {
			if b := bannerOf(l); b != nil && !s.continues(b) {
				s.begin(b, l)
				continue
			}
		}
		if b := s.owner(l); b != nil {
			b.add(l)
		}
	}
	for _, b := range s.open {
		if b.quiet >= maxQuiet || s.src.n-b.last > maxAge {
			b.closed = true
		}
	}
}

// continues reports whether what looks like a banner is a further line of the
// report that was just begun: a WARN has its reason before or after its header.
func (s *scanner) continues(b *block) bool {
	if b.kind != Assert {
		return false
	}
	for _, o := range s.open {
		if o.closed || o.caller != b.caller || b.start-o.start > 4 {
			continue
		}
		if o.kind == Assert || o.kind == Limit || o.kind == ChainCollision {
			return true
		}
	}
	return false
}

func (s *scanner) begin(b *block, l line) {
	for _, o := range s.open {
		if o.caller == b.caller || o.caller == "" || b.caller == "" {
			o.closed = true
		}
	}
	for i := 1; i >= 0; i-- { // the ruler above the title
		for _, p := range clean(s.prev[i], b.start-1-i) {
			if isRuler(strings.TrimSpace(p.text)) || isAssertCaption(p.text) {
				b.add(p)
			}
		}
	}
	b.lines = append(b.lines, l)
	b.last = b.start
	s.open = append(s.open, b)
	if len(s.open) > maxOpen {
		s.open[0].closed = true
	}
}

// owner is the open block that l belongs to, or nil: that of its caller; a
// line without a caller continues the one that was added to last.
func (s *scanner) owner(l line) *block {
	var best *block
	for _, b := range s.open {
		if b.closed {
			continue
		}
		if l.caller == "" || b.caller == "" {
			if best == nil || b.last >= best.last {
				best = b
			}
		} else if l.caller == b.caller {
			return b
		}
	}
	return best
}

func (b *block) add(l line) {
	if len(b.lines) >= maxBlockLines || b.bytes >= maxBlockBytes {
		b.clipped = true
		b.closed = true
		return
	}
	if b.learned != nil {
		if p := b.learned.FindString(l.text); p != "" {
			l.text = l.text[len(p):]
			l.stamped = true
		}
	}
	t := strings.TrimSpace(l.text)
	if t != "" && !known(t) {
		b.quiet++
	} else if t != "" {
		b.quiet = 0
	}
	b.last = l.n
	b.bytes += len(l.text)
	b.lines = append(b.lines, l)
}

// flush parses closed blocks and yields what they are, as far as no block with
// an earlier banner is open.
func (s *scanner) flush(yield func(*Report) bool) bool {
	for len(s.open) > 0 && s.open[0].closed {
		b := s.open[0]
		s.open[0] = nil
		s.open = s.open[1:]
		if r := parseBlock(b); r != nil && !yield(r) {
			return false
		}
	}
	return true
}

var titles = []struct {
	kind Kind
	re   *regexp.Regexp
}{
	{Circular, titleRE(`possible circular locking(?: (?:dependency|deadlock)(?: detected)?)?`)},
	{Recursive, titleRE(`possible recursive locking(?: detected)?`)},
	{IRQOrder, titleRE(`(?P<state>[\w-]+?)-safe -> [\w-]+?-unsafe(?: lock(?: order(?: detected)?)?)?`)},
	{IRQInversion, titleRE(`possible irq lock inversion(?: dependency(?: detected)?)?`)},
	{Inconsistent, titleRE(`inconsistent lock state`)},
	{UnlockImbalance, titleRE(`bad unlock balance(?: detected)?`)},
	{Contention, titleRE(`bad contention(?: detected)?`)},
	{HeldFreed, titleRE(`held lock freed`)},
	{HeldExit, titleRE(`(?:.+/-?\d+ still has locks held|lock held at task exit time)`)},
	{HeldUserspace, titleRE(`lock held when returning to user ?space`)},
	{NestLock, titleRE(`Nested lock was not taken`)},
	{WaitContext, titleRE(`Invalid wait context`)},
	{RCU, titleRE(`suspicious (?:RCU|rcu_dereference_check\(\)|rcu_dereference_protected\(\)) usage`)},
	{ChainCollision, titleRE(`chain_key collision`)},
	{NonstaticKey, regexp.MustCompile(`()(INFO: trying to register non-static key\.?)\s*$`)},
	{Limit, regexp.MustCompile(`()(BUG: (?:MAX_\w+ too low!|key \S+ (?:has not been registered|not in \.data)!|looking up invalid subclass: ?\d+))\s*$`)},
	{Assert, regexp.MustCompile(`()(WARNING: .*\bkernel/(?:locking/)?lockdep\.c:\d+.*|^DEBUG_LOCKS_WARN_ON\(.*\))\s*$`)},
}

// titleRE finds a title at the end of a line: what may stand around its words
// has changed, and logs lose some of it.
func titleRE(words string) *regexp.Regexp {
	return regexp.MustCompile(`^(.*?)((?:\[ )?(?:WARNING|INFO|BUG): ` + words + `[.!]?(?: \])?)\s*$`)
}

// bannerOf recognises the title line of a report.
func bannerOf(l line) *block {
	for _, t := range titles {
		m := t.re.FindStringSubmatch(l.text)
		if m == nil {
			continue
		}
		b := &block{caller: l.caller, kind: t.kind, start: l.n}
		if i := t.re.SubexpIndex("state"); i > 0 {
			b.state = m[i]
		}
		before := m[1]
		b.base = len(before) - len(strings.TrimLeft(before, " \t"))
		if p := strings.TrimSpace(before); p != "" && p != "[" {
			// A prefix of a kind that is not known: other lines of the report
			// may have it too, with other digits.
			b.learned = shapeOf(before)
		}
		return b
	}
	return nil
}

// shapeOf is a regular expression for prefixes like p.
func shapeOf(p string) *regexp.Regexp {
	q := regexp.QuoteMeta(p)
	q = digitsRE.ReplaceAllString(q, `[0-9]+`)
	q = blanksRE.ReplaceAllString(q, ` +`)
	q = strings.TrimSuffix(q, ` +`)
	re, err := regexp.Compile(`^` + q + ` ?`)
	if err != nil {
		return nil
	}
	return re
}

var (
	digitsRE = regexp.MustCompile(`[0-9]+`)
	blanksRE = regexp.MustCompile(` +`)
)
