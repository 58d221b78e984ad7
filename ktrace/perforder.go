package ktrace

import "math"

// perfQueue puts records in order of their times. perf record reads the buffers of the CPUs in rounds, and marks the end
// of each. All that was recorded before a round began is in it or in one before: what is not younger than the youngest
// record of the round before the last can be delivered at the end of the last.
//
// Memory is bounded by maxRefs and maxChunks, 64 MiB of records and 24 MiB of places, twice while they are sorted. Rounds that
// do not fit are delivered by halves, and records that then come too late are counted.
type perfQueue struct {
	refs   []perfRef
	spare  []perfRef
	runs   []int // begins of ascending runs in refs
	chunks [][]byte
	live   []int // records in each chunk
	free   []uint32
	cur    uint32

	limit  uint64 // youngest of the rounds before
	max    uint64 // youngest so far
	last   uint64 // delivered
	late   int64  // delivered behind younger ones
	lateAt int64
}

// perfRef is a record that waits.
type perfRef struct {
	time   uint64
	offset int64 // in the file, or of the compressed record
	chunk  uint32
	pos    uint32
}

const (
	chunkSize = 256 << 10
	maxChunks = 256
	maxRefs   = 1 << 20
)

// add copies a record. It reports false if there is no room, and keeps nothing then.
func (q *perfQueue) add(rec []byte, time uint64, offset int64) bool {
	if len(q.refs) >= maxRefs {
		return false
	}
	if len(q.chunks) == 0 || len(q.chunks[q.cur])+len(rec) > chunkSize {
		switch {
		case len(q.free) > 0:
			q.cur = q.free[len(q.free)-1]
			q.free = q.free[:len(q.free)-1]
		case len(q.chunks) < maxChunks:
			q.cur = uint32(len(q.chunks))
			q.chunks = append(q.chunks, make([]byte, 0, chunkSize))
			q.live = append(q.live, 0)
		default:
			return false
		}
	}
	if n := len(q.refs); n == 0 || time < q.refs[n-1].time {
		q.runs = append(q.runs, n)
	}
	c := &q.chunks[q.cur]
	q.refs = append(q.refs, perfRef{time, offset, q.cur, uint32(len(*c))})
	*c = append(*c, rec...)
	q.live[q.cur]++
	q.max = max(q.max, time)
	return true
}

// sort merges the runs, which are few: one a CPU and round. Records of equal time stay in the order of the file.
func (q *perfQueue) sort() {
	for len(q.runs) > 1 {
		out := q.spare[:0]
		runs := q.runs[:0]
		for i := 0; i < len(q.runs); i += 2 {
			a, end := q.runs[i], len(q.refs)
			if i+1 == len(q.runs) {
				runs = append(runs, len(out))
				out = append(out, q.refs[a:]...)
				break
			}
			b := q.runs[i+1]
			mid := b
			if i+2 < len(q.runs) {
				end = q.runs[i+2]
			}
			runs = append(runs, len(out))
			for a < mid && b < end {
				if q.refs[b].time < q.refs[a].time {
					out = append(out, q.refs[b])
					b++
				} else {
					out = append(out, q.refs[a])
					a++
				}
			}
			out = append(append(out, q.refs[a:mid]...), q.refs[b:end]...)
		}
		q.refs, q.spare, q.runs = out, q.refs, runs
	}
}

// flush delivers the oldest n records, and those up to the limit.
func (q *perfQueue) flush(n int, limit uint64, deliver func(rec []byte, offset int64) bool) bool {
	q.sort()
	i := 0
	for ; i < len(q.refs) && (i < n || q.refs[i].time <= limit); i++ {
		r := &q.refs[i]
		if r.time < q.last {
			if q.late++; q.late == 1 {
				q.lateAt = r.offset
			}
		}
		q.last = max(q.last, r.time)
		if !deliver(q.chunks[r.chunk][r.pos:], r.offset) {
			return false
		}
		if q.live[r.chunk]--; q.live[r.chunk] == 0 {
			q.chunks[r.chunk] = q.chunks[r.chunk][:0]
			if r.chunk != q.cur {
				q.free = append(q.free, r.chunk)
			}
		}
	}
	q.refs = q.refs[:copy(q.refs, q.refs[i:])]
	if q.runs = q.runs[:0]; len(q.refs) > 0 {
		q.runs = append(q.runs, 0)
	}
	return true
}

// round ends a round.
func (q *perfQueue) round(deliver func(rec []byte, offset int64) bool) bool {
	ok := q.flush(0, q.limit, deliver)
	q.limit = q.max
	return ok
}

// finish delivers all that is left.
func (q *perfQueue) finish(deliver func(rec []byte, offset int64) bool) bool {
	return q.flush(len(q.refs), math.MaxUint64, deliver)
}
