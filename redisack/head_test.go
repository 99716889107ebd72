package redisack

import (
	"errors"
	"testing"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

func record(rev uint64, recent ...wire.Write) wire.Head { return wire.Head{Rev: rev, Recent: recent} }

// TestHeadFate checks the fate of a write according to the head found at the end.
func TestHeadFate(t *testing.T) {
	t.Parallel()
	mine, other := wire.Write{ID: "w5", Rev: 5}, wire.Write{ID: "x5", Rev: 5}
	cases := map[string]struct {
		found wire.Head
		there bool
		want  Reason
	}{
		"current":                        {record(5, mine), true, ReasonConfirmed},
		"followed":                       {record(6, mine, wire.Write{ID: "w6", Rev: 6}), true, ReasonSuperseded},
		"followed long ago":              {record(30, wire.Write{ID: "w15", Rev: 15}), true, ReasonSuperseded},
		"no head":                        {wire.Head{}, false, ReasonWriteLost},
		"older revision":                 {record(4, wire.Write{ID: "w4", Rev: 4}), true, ReasonWriteLost},
		"another write has its revision": {record(5, other), true, ReasonWriteLost},
		"followed by another history":    {record(6, other, wire.Write{ID: "x6", Rev: 6}), true, ReasonWriteLost},
	}
	for name, tc := range cases {
		h := newHead(memoryBackend{new(memory)}, Target{Key: "k", Version: "v", Rev: 5, WriteID: "w5"})
		if got := h.fate(tc.found, tc.there); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
	byHand := newHead(memoryBackend{new(memory)}, Target{Key: "k", Version: "v", Rev: 5})
	if got := byHand.fate(record(5, other), true); got != ReasonConfirmed {
		t.Errorf("a target without a write id: %v", got)
	}
}

// TestHeadReports checks that a report of a newer revision waits until the head has been read, and
// that one read serves all waiting reports.
func TestHeadReports(t *testing.T) {
	t.Parallel()
	mem := new(memory)
	c := newClient(memoryBackend{mem}, Config{})
	target, err := c.Write(t.Context(), change())
	if err != nil {
		t.Fatal(err)
	}
	h := newHead(c.backend, target)
	newer, invented := Observation{Rev: 2, WriteID: "w2"}, Observation{Rev: 9, WriteID: "w9"}
	next := change()
	next.Version, next.WriteID = "v3", "w2"
	if _, err := c.Write(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if h.follows(newer) || !h.follows(Observation{}) {
		t.Error("a revision counts before the head was read, or a report without a revision does not")
	}
	a, b := new(member), new(member)
	if !h.hold(a, newer) || h.hold(b, invented) || !a.unverified || !b.unverified {
		t.Fatal("not exactly one read of the head is requested")
	}
	waiting := h.take(h.read(t.Context()))
	if len(waiting) != 2 || !h.follows(waiting[0].obs) || h.follows(waiting[1].obs) {
		t.Errorf("%+v waited, newest %+v", waiting, h.newest)
	}
	if waiting := h.take(headRead{err: errors.New("away")}); waiting != nil || h.newest.Rev != 2 {
		t.Error("a failed read of the head changes the newest head")
	}
}
