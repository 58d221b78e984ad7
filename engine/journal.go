package engine

// The journal is the graph file's content: records of facts, each written as
// soon as it is learned. docs/format/graph.md describes it. A record is
//
//	uvarint length of type and payload | type byte | payload | checksum
//
// the checksum being the low 32 bits, little endian, of FNV-1a over type and
// payload. Numbers are uvarints, strings a uvarint length and bytes.

// FormatVersion is the version of the graph file that this engine writes.
const FormatVersion = 2

// Magic begins a graph file.
const Magic = "ldgraph\x02"

// Record types.
const (
	RecHeader = 'H' // pairs of strings: what made the file
	RecClass  = 'C' // id, flags, name
	RecSite   = 'S' // id, function, file, line
	RecStack  = 'K' // id, n, sites innermost first
	RecTest   = 'T' // id, name
	RecObs    = 'O' // see journalObs
	RecLimit  = 'L' // table, limit, class where it is one that has no more room
	RecStats  = 'X' // n counters in the order of Stats
	RecCount  = 'N' // a finding's ID, how often its last acquisition was met
	RecSaid   = 'R' // a finding's ID, the level at which go test has shown its report
)

func appendUvarint(b []byte, n uint64) []byte {
	for n >= 0x80 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}

func appendString(b []byte, s string) []byte {
	b = appendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// AppendRecord appends a record to b, byte by byte: goroutines write to b one after
// the other, and of a copy the race detector would hear.
func AppendRecord(b []byte, typ byte, payload []byte) []byte {
	b = appendUvarint(b, uint64(len(payload)+1))
	b = append(b, typ)
	for i := 0; i < len(payload); i++ {
		b = append(b, payload[i])
	}
	h := Checksum(typ, payload)
	return append(b, byte(h), byte(h>>8), byte(h>>16), byte(h>>24))
}

// Checksum is the checksum of a record.
func Checksum(typ byte, payload []byte) uint32 {
	h := (uint32(2166136261) ^ uint32(typ)) * 16777619
	for _, c := range payload {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

func (v *Validator) journaling() bool { return v.host.Journal != nil }

func (v *Validator) record1(typ byte, payload []byte) {
	v.out = AppendRecord(v.out, typ, payload)
}

// flush hands the finished records to the host, which writes them when the
// validator is unlocked. Locked.
func (v *Validator) flush() {
	if len(v.out) == 0 || v.host.Journal == nil {
		return
	}
	v.unwritten = v.host.Flush != nil
	v.host.Journal(v.out)
	v.out = nil
}

func (v *Validator) journalClassFlags(c ClassID) {
	if !v.journaling() {
		return
	}
	p := appendUvarint(nil, uint64(c))
	p = appendUvarint(p, uint64(v.classes[c].flags&classFlagsSaved))
	v.record1(RecClass, appendString(p, v.ClassName(c)))
}

func (v *Validator) journalLimit(f FullTable) {
	if !v.journaling() {
		return
	}
	p := appendUvarint(appendUvarint(nil, uint64(f.Table)), f.Limit)
	if f.Class != "" {
		p = appendString(p, f.Class)
	}
	v.record1(RecLimit, p)
}

// journalObs writes an observation and all that it refers to for the first time.
func (v *Validator) journalObs(id ObsID) {
	if !v.journaling() {
		return
	}
	for v.jcls < v.nclasses {
		v.jcls++
		v.journalClassFlags(ClassID(v.jcls))
	}
	for v.jsit < v.nsites {
		v.jsit++
		s := &v.sites[v.jsit]
		p := appendUvarint(nil, uint64(v.jsit))
		p = appendString(p, v.str(s.fn))
		p = appendString(p, v.str(s.file))
		v.record1(RecSite, appendUvarint(p, uint64(s.line)))
	}
	for v.jstk < v.nstacks {
		v.jstk++
		s := &v.stacks[v.jstk]
		p := appendUvarint(nil, uint64(v.jstk))
		p = appendUvarint(p, uint64(s.n))
		for _, f := range v.frames[s.off : s.off+s.n] {
			p = appendUvarint(p, uint64(f))
		}
		v.record1(RecStack, p)
	}
	for v.jtst < v.ntests {
		v.jtst++
		v.record1(RecTest, appendString(appendUvarint(nil, uint64(v.jtst)), v.str(v.tests[v.jtst])))
	}
	o := &v.obs[id]
	p := make([]byte, 0, 64)
	p = append(p, o.kind, o.flags)
	p = appendUvarint(p, o.goid)
	p = appendUvarint(p, uint64(o.origin))
	p = appendUvarint(p, uint64(o.test))
	p = appendUvarint(p, uint64(o.stack))
	p = appendHeld(p, &o.lock)
	p = appendUvarint(p, uint64(o.n))
	for i := uint32(0); i < uint32(o.n); i++ {
		p = appendHeld(p, &v.held[o.held+i])
	}
	if o.kind == obsEvent || o.kind == obsWithout {
		p = appendUvarint(p, uint64(o.event))
		p = append(p, byte(o.wait))
		p = appendUvarint(p, o.waker)
	}
	n := uint64(0)
	for n < uint64(len(o.line)) && o.line[n] != 0 && o.meetsReaders(v) {
		n++
	}
	if o.closer != 0 || v.closers&originBit(o.origin) != 0 {
		for n = 0; n < uint64(len(o.line)) && o.line[n] != 0; n++ {
		}
	}
	if o.guards != 0 || n != 0 || o.closer != 0 {
		p = appendUvarint(p, uint64(o.guards))
		for i := uint32(0); i < uint32(o.guards); i++ {
			p = appendUvarint(appendHeld(p, &v.held[o.guard+i]), v.held[o.guard+i].owner)
		}
	}
	if n != 0 || o.closer != 0 {
		p = appendUvarint(p, n)
		for _, m := range o.line[:n] {
			p = appendUvarint(p, uint64(m))
		}
	}
	if o.closer != 0 {
		p = appendUvarint(appendUvarint(p, o.closer), uint64(o.closerOrigin))
		p = appendUvarint(appendUvarint(p, uint64(o.behind)), uint64(o.event))
	}
	v.record1(RecObs, p)
}

// meetsReaders reports whether the observation is of a writer or reader of a
// reader/writer lock, for which the line of its goroutine matters.
func (o *observation) meetsReaders(v *Validator) bool {
	reads := o.kind == obsWriter || o.lock.mode == Read
	for i := uint32(0); i < uint32(o.n) && !reads; i++ {
		reads = v.held[o.held+i].mode == Read
	}
	return reads
}

func appendHeld(p []byte, h *heldRec) []byte {
	p = appendUvarint(p, uint64(h.class))
	p = appendUvarint(p, h.birth)
	p = appendUvarint(p, h.addr)
	p = appendUvarint(p, uint64(h.site))
	b := byte(h.mode)
	if h.try {
		b |= 0x80
	}
	return append(p, b)
}

// Said writes down that the user was shown the report of the finding of that ID,
// at that level.
func (v *Validator) Said(id string, level Level) {
	if !v.journaling() {
		return
	}
	v.lock()
	v.record1(RecSaid, appendUvarint(appendString(nil, id), uint64(level)))
	v.flush()
	v.unlock()
}

// FlushStats writes the counters as they stand; the last ones of a file count.
func (v *Validator) FlushStats() {
	s := v.Stats()
	if !v.journaling() {
		return
	}
	v.lock()
	var p []byte
	n := [...]uint64{
		uint64(s.Classes), uint64(s.Dependencies), uint64(s.Chains), uint64(s.Observations),
		uint64(s.Samples), uint64(s.Sites), uint64(s.Stacks), uint64(s.Tests),
		uint64(s.Findings), uint64(s.Tasks), uint64(s.BackEdges), s.Searches, s.Cut, uint64(s.InstancePairs),
	}
	p = appendUvarint(p, uint64(len(n)))
	for _, x := range n {
		p = appendUvarint(p, x)
	}
	v.record1(RecStats, p)
	v.unlock()
	for id := FindingID(1); id <= v.NumFindings(); id++ {
		if f, ok := v.Finding(id); ok && f.Count > 1 {
			v.lock()
			v.record1(RecCount, appendUvarint(appendString(nil, f.ID), uint64(f.Count)))
			v.unlock()
		}
	}
	v.lock()
	v.flush()
	v.unlock()
}
