package memstore

import (
	"maps"
	"slices"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/task"
)

// record is a task. A plan of a million tasks holds a million records, so its fields are narrow,
// and data that few tasks have is in more.
type record struct {
	tenant string
	more   *more  // nil if there is none
	step   string // step of the checkpoint; empty if there is none
	data   []byte // data of the checkpoint, as it was passed

	token     task.Token // token of the last claim
	lastToken task.Token // token of the last change by a worker; lastSeq is its number
	started   stamp
	updated   stamp
	ended     stamp
	elapsed   time.Duration

	lastSeq  uint32
	version  uint32
	claim    uint32 // index of the claim that holds the task, 0 if none does
	pos      uint32 // place in rollout.held, or in the heap that it is in
	released uint32 // value of rollout.releases when its last hold ended
	attempt  uint32
	losses   uint32

	state   task.State
	request task.Request
	alone   bool
	parked  bool // it waits, see waiters
}

// more is the data that few tasks have.
type more struct {
	labels, parameters map[string]string
	undo               checkpoint.UndoLog
	failure            *task.FailureInfo
	retried            time.Time
	wait               waitRecord
}

// waitRecord is a task.Wait.
type waitRecord struct {
	why   task.WaitReason
	until stamp
}

func newRecord(t task.Tenant) record {
	r := record{tenant: t.ID, version: 1}
	if len(t.Labels)+len(t.Parameters) > 0 {
		r.more = &more{labels: maps.Clone(t.Labels), parameters: maps.Clone(t.Parameters)}
	}
	return r
}

// extra returns r.more, allocated if it is nil.
func (r *record) extra() *more {
	if r.more == nil {
		r.more = new(more)
	}
	return r.more
}

func (r *record) failure() *task.FailureInfo {
	if r.more == nil {
		return nil
	}
	return r.more.failure
}

// setFailure stores f. The caller must not use f afterwards.
func (r *record) setFailure(f *task.FailureInfo) {
	if f != nil || r.more != nil {
		r.extra().failure = f
	}
}

func (r *record) wait() waitRecord {
	if r.more == nil {
		return waitRecord{}
	}
	return r.more.wait
}

func (r *record) setWait(w waitRecord) {
	if r.more != nil || w != (waitRecord{}) {
		r.extra().wait = w
	}
}

// setElapsed stores d in whole milliseconds. Every task that ran has it, so it is not in more.
func (r *record) setElapsed(d time.Duration) { r.elapsed = d.Truncate(time.Millisecond) }

// begun records that a task that was to start has started.
func (r *record) begun() {
	if r.request == task.StartRequest {
		r.request = task.NoRequest
	}
}

func (r *record) dropCheckpoint() { r.step, r.data = "", nil }

func (r *record) dropUndo() {
	if r.more != nil {
		r.more.undo = nil
	}
}

// setControl writes the fields that commands change, except the state.
func (r *record) setControl(c task.Control) {
	r.attempt, r.losses = uint32(c.Attempt), uint32(c.Losses)
	r.request, r.alone = c.Request, c.PausedIndividually
	r.setFailure(ownFailure(c.Failure))
	if r.more != nil || !c.RetriedAt.IsZero() {
		r.extra().retried = c.RetriedAt
	}
	w := waitRecord{why: c.Wait.Why}
	if !c.Wait.Until.IsZero() {
		w.until = stamp(c.Wait.Until.UnixNano())
	}
	r.setWait(w)
	r.setElapsed(c.Elapsed)
}

// ownFailure returns a copy of f whose strings are within their bounds.
func ownFailure(f *task.FailureInfo) *task.FailureInfo {
	if f == nil {
		return nil
	}
	c := f.Clip()
	return &c
}

func ownUndo(l checkpoint.UndoLog) checkpoint.UndoLog {
	if len(l) == 0 {
		return nil
	}
	own := slices.Clone(l)
	for i := range own {
		own[i].Data = slices.Clone(own[i].Data)
	}
	return own
}
