package redisack

import (
	"context"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// head is the write that clients should run now, as far as one run knows: its own target, and the
// newest head record that it has read. The run's goroutine owns it.
//
// If a client reports a newer revision than the target, either there has been a newer write, or the
// client still runs a write that a failover has undone. Only Redis knows, so the run reads the head
// before it accepts the report; until then the run does not ask the member again, and the status of
// the member is not final.
type head struct {
	backend backend
	names   wire.Names
	target  Target

	newest     wire.Head
	unverified []report
	reading    bool
	reads      chan headRead // buffered for one
}

// report is the answer of a client that reports a newer revision.
type report struct {
	m   *member
	obs Observation
}

// headRead is the result of one read of the head; ok is false if there is no head.
type headRead struct {
	head wire.Head
	ok   bool
	err  error
}

func newHead(b backend, t Target) *head {
	return &head{backend: b, names: t.names(), target: t, reads: make(chan headRead, 1)}
}

// follows reports whether the newest head that was read is, or follows from, the write that the
// client runs.
func (h *head) follows(obs Observation) bool {
	if obs.Rev == 0 {
		return true // only the host's own comparer can have found it to be newer
	}
	if obs.Rev > h.newest.Rev {
		return false
	}
	held, known := h.newest.Holds(obs.WriteID, obs.Rev)
	return held || !known || obs.WriteID == ""
}

// hold stores a report until the head has been read. It reports whether the caller has to read the
// head and send the result to reads.
func (h *head) hold(m *member, obs Observation) bool {
	m.unverified = true
	h.unverified = append(h.unverified, report{m, obs})
	first := !h.reading
	h.reading = true
	return first
}

// read reads the head.
func (h *head) read(ctx context.Context) headRead {
	found, err := within(ctx, func() (headRead, error) {
		found, ok, err := h.backend.head(ctx, h.names)
		return headRead{head: found, ok: ok}, err
	})
	found.err = err
	return found
}

// take stores the head that was read, and returns the reports that have waited for it.
func (h *head) take(read headRead) []report {
	h.reading = false
	if read.err == nil {
		h.newest = read.head
	}
	waiting := h.unverified
	h.unverified = nil
	return waiting
}

// fate returns what found, the head that was read, means for the target: ReasonConfirmed if it
// names the target, ReasonSuperseded if it names a later write, ReasonWriteLost if it does not
// follow from the target.
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
