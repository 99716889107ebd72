package memstore

import (
	"cmp"
	"slices"

	"github.com/cutover-go/cutover/task"
)

// entry is an event; its index in the log gives its sequence number.
type entry struct {
	at      stamp
	ordinal uint32 // 0 for a plan event
	attempt uint32
	cause   word
	from    word
	to      word
	atRest  bool
	detail  *detail // nil if there is none
}

// detail is the part of an event that few events have. It never changes, so events may share it.
type detail struct {
	actor, reason string
	filter        string
	wave, added   int
	alone         bool // plan.Event.StayStopped
	failure       *task.FailureInfo
}

// failureDetail returns the detail of an event that reports a failure.
func failureDetail(f *task.FailureInfo) *detail {
	if f == nil {
		return nil
	}
	return &detail{failure: f}
}

// eventLog holds the events of a plan in chunks, all but the last of them full.
type eventLog struct {
	chunks  [][]entry
	dropped int64 // events before the first chunk
	last    int64 // the newest sequence number
	limit   int   // maximum number of events to keep; 0: all

	own []numbered // all plan events, by sequence number; never trimmed
}

// numbered is an event with its sequence number, kept outside the chunks.
type numbered struct {
	seq int64
	entry
}

const logChunk = 1024

// first returns the sequence number of the oldest event that is kept.
func (l *eventLog) first() int64 {
	if l.limit <= 0 {
		return 1
	}
	return max(1, l.last-int64(l.limit)+1)
}

func (l *eventLog) at(seq int64) *entry {
	i := seq - 1 - l.dropped
	return &l.chunks[i/logChunk][i%logChunk]
}

// newest returns the chunk for the next event.
func (l *eventLog) newest() *[]entry {
	n := len(l.chunks)
	if n == 0 || len(l.chunks[n-1]) == logChunk {
		l.chunks = append(l.chunks, make([]entry, 0, min(n, 1)*logChunk)) // the first one grows, because most plans are small
		n++
	}
	return &l.chunks[n-1]
}

func (l *eventLog) add(e entry) {
	newest := l.newest()
	*newest = append(*newest, e)
	l.last++
	if e.ordinal == 0 {
		l.own = append(l.own, numbered{l.last, e})
	}
}

func (l *eventLog) markAtRest() {
	l.at(l.last).atRest = true
	if n := len(l.own); n > 0 && l.own[n-1].seq == l.last {
		l.own[n-1].atRest = true
	}
}

// ownAfter returns up to n plan events after a sequence number.
func (l *eventLog) ownAfter(after int64, n int) []numbered {
	from, _ := slices.BinarySearchFunc(l.own, after+1, func(e numbered, seq int64) int { return cmp.Compare(e.seq, seq) })
	return l.own[from:min(len(l.own), from+n)]
}

// trim drops the chunks that hold only events beyond the limit.
func (l *eventLog) trim() {
	for first := l.first(); first > l.dropped+logChunk; l.dropped += logChunk {
		l.chunks[0] = nil
		l.chunks = l.chunks[1:]
	}
}
