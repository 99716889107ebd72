package redisack

import (
	"context"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// head is what is to be run now, as far as one run knows: its own write, and the newest head record
// that it has read. It belongs to the run's goroutine.
//
// A client that reports a newer revision than the target may be right: somebody has written since.
// Or it runs what a failover has taken back, and does not know yet. Only Redis can tell, so the
// head is read before the report is believed; until then the member is neither asked again nor
// final.
type head struct {
	backend backend
	names   wire.Names
	target  Target

	newest     wire.Head
	unverified []report
	reading    bool
	reads      chan headRead // has room for one
}

// report is what a client said that reports a newer revision.
type report struct {
	m   *member
	obs Observation
}

// headRead is the answer to one reading of the head.
type headRead struct {
	head wire.Head
	err  error
}

func newHead(b backend, t Target) *head {
	return &head{backend: b, names: t.names(), target: t, reads: make(chan headRead, 1)}
}

// follows reports whether the newest head that was read knows of what the client runs.
func (h *head) follows(obs Observation) bool {
	if obs.Rev == 0 {
		return true // the host's own comparer, which knows better
	}
	if obs.Rev > h.newest.Rev {
		return false
	}
	held, known := h.newest.Holds(obs.WriteID, obs.Rev)
	return held || !known || obs.WriteID == ""
}

// hold keeps a report until the head has been read. It returns true if somebody has to call read.
func (h *head) hold(m *member, obs Observation) bool {
	m.unverified = true
	h.unverified = append(h.unverified, report{m, obs})
	first := !h.reading
	h.reading = true
	return first
}

// read reads the head and sends the answer to reads.
func (h *head) read(ctx context.Context) {
	found, err := within(ctx, func() (wire.Head, error) {
		found, _, err := h.backend.head(ctx, h.names)
		return found, err
	})
	h.reads <- headRead{found, err} // has room
}

// take keeps what was read, and returns the reports that have waited for it.
func (h *head) take(read headRead) []report {
	h.reading = false
	if read.err == nil {
		h.newest = read.head
	}
	waiting := h.unverified
	h.unverified = nil
	return waiting
}

// current reads the head now; ok is false when there is none.
func (h *head) current(ctx context.Context) (found wire.Head, ok bool, err error) {
	type answer struct {
		head wire.Head
		ok   bool
	}
	a, err := within(ctx, func() (answer, error) {
		found, ok, err := h.backend.head(ctx, h.names)
		return answer{found, ok}, err
	})
	return a.head, a.ok, err
}

// fate is what has become of the write by this head: lost if the head does not follow from it,
// superseded if it does, confirmed if it is the head.
func (h *head) fate(found wire.Head, ok bool) Reason {
	t := h.target
	if !ok || found.Rev < t.Rev {
		return ReasonWriteLost
	}
	if t.WriteID != "" {
		if held, known := found.Holds(t.WriteID, t.Rev); known && !held {
			return ReasonWriteLost
		}
	}
	if found.Rev > t.Rev {
		return ReasonSuperseded
	}
	return ReasonConfirmed
}
