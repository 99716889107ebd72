package redisstore

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// errFullUndo is the error of an undo entry beyond the maximum.
var errFullUndo = fmt.Errorf("%w: more than %d undo entries", checkpoint.ErrTooLarge, checkpoint.MaxUndoEntries)

// call is one Commit under way. It owns copies of everything that it needs from the batch, because
// the caller may stop waiting.
type call struct {
	changes []change
	claim   store.Claim
	chosen  string // the pending tasks that the claim may get, as commit.lua reads them
	text    []byte // holds the data of all changes
	key     string // the key of the plan's record
	size    int    // the approximate number of bytes to send

	late *time.Timer // fires when submit has waited for answerTimeout

	// done receives a value when the fields below are set.
	done     chan struct{}
	err      error
	view     store.View
	now      int64  // the time on the server's clock
	token    int64  // the token of tasks that were never touched before the claim
	claimed  string // the claimed tasks in encoded form, preceded by their number
	canceled bool   // pending tasks show as canceled
}

// change is a store.Change in the form in which it is sent, together with its answer.
type change struct {
	bucket, field       int
	at                  int  // position among the changes sent, from 1
	release             bool // the change is not a Save, so it releases the task
	foreign             bool // the plan cannot have the task, so the change is not sent
	raises              bool // later tokens have to be greater than all earlier tokens of any plan
	defers              bool // the task may begin to wait
	before, after, data blob
	answer              answer
}

// answer is a script's answer to one change.
type answer struct {
	state  task.State
	stop   task.Stop
	how    byte
	newest task.Token
	worker string
}

// blob is an argument of a command. A pointer to a blob becomes an interface without an allocation.
type blob []byte

// MarshalBinary implements encoding.BinaryMarshaler for the client.
func (b *blob) MarshalBinary() ([]byte, error) { return *b, nil }

func newCall() *call {
	c := &call{done: make(chan struct{}, 1), late: time.NewTimer(answerTimeout)}
	c.late.Stop()
	return c
}

func (c *call) changeCount() int { return max(1, len(c.changes)+c.claim.Max) }

// encode copies the data to send from the batch.
func (c *call) encode(b *store.Batch) {
	c.changes = c.changes[:0]
	c.text = c.text[:0]
	c.err, c.claimed, c.claim = nil, "", store.Claim{}
	if b.Claim.Max > 0 {
		c.claim = b.Claim
		c.claim.ID = word(b.Claim.ID)
		c.chosen = chosenOf(&b.Claim)
	}
	need := 0
	for i := range b.Changes {
		w := &b.Changes[i]
		need += len(w.Data) + len(w.Step) + 2*len(w.UndoStep) + len(w.UndoData) + 64 + 2*maxOpening
		if w.Failure != nil {
			need += 2*(task.MaxReason+task.MaxCode+512) + 2*(task.MaxCode+checkpoint.MaxStepName) + 2 // worst case, as JSON and before it
			need += len(w.Attempts) * maxAttempt
		}
	}
	if cap(c.text) < need {
		c.text = make([]byte, 0, need)
	}
	for i := range b.Changes {
		w := c.work(&b.Changes[i])
		if id := b.Changes[i].Task; id.Plan() != b.Plan || !id.Valid() {
			w.foreign, w.answer = true, answer{how: 'n'}
		}
		c.changes = append(c.changes, w)
	}
	c.size = len(c.text) + 64*len(c.changes)
}

// chosenOf returns the pending tasks that a claim may get: "*" for any, otherwise their ordinals.
func chosenOf(c *store.Claim) string {
	if !c.Chosen {
		return "*"
	}
	var text []byte
	for _, ordinal := range c.Pending {
		text = append(strconv.AppendInt(text, int64(ordinal), 10), ' ')
	}
	return string(text)
}

func (c *call) work(w *store.Change) change {
	place := max(0, w.Task.Ordinal()-1)
	data := len(c.text)
	switch {
	case w.Kind == store.Defer:
		c.text = appendAttempts(appendFailure(appendWait(c.text, w), w.Failure), w.Attempts)
	case w.Kind != store.Save:
		c.text = appendAttempts(appendFailure(c.text, w.Failure), w.Attempts)
	case w.UndoStep != "":
		c.text = appendUndo(c.text, w)
	case w.Step != "":
		c.text = checkpoint.Checkpoint{Step: w.Step, Data: w.Data}.Append(c.text)
	}
	before := len(c.text)
	c.text = appendOpening(c.text, 'R', w.Token, int64(w.Seq)-1)
	after := len(c.text)
	c.text = appendOpening(c.text, letterOf(w), w.Token, int64(w.Seq))
	c.text = append(strconv.AppendInt(c.text, w.Elapsed.Milliseconds(), 10), ' ')
	end := len(c.text)
	return change{
		bucket: place / bucketSize, field: place % bucketSize, release: w.Kind != store.Save,
		raises: w.RaiseTokens && w.Kind == store.Yield, defers: w.Kind == store.Defer,
		data: c.text[data:before:before], before: c.text[before:after:after], after: c.text[after:end:end],
	}
}

// letterSave is the letter of a save without an undo entry.
const letterSave = 'R'

// letterComplete is the letter of a completion.
const letterComplete = 'C'

// letterOf returns the letter of a change's kind in the arguments of commit.lua. For a save without
// an undo entry and for a completion, it is the letter of the state that the change leads to,
// because the scripts begin the new head with it.
func letterOf(w *store.Change) byte {
	switch w.Kind {
	case store.Save:
		if w.UndoStep != "" {
			return 'V'
		}
		return letterSave
	case store.Complete:
		return letterComplete
	case store.Fail:
		return 'F'
	case store.Yield:
		return 'Y'
	case store.Undone:
		return 'U'
	case store.UndoFail:
		return 'X'
	case store.Defer:
		return 'W'
	}
	return '?'
}

// maxAttempt is about as much as a stored attempt has as a rule, in bytes.
const maxAttempt = 256

// maxOpening is the maximum size of the beginning of a head up to the time, in bytes.
const maxOpening = 60

// appendOpening appends the beginning of a task's head, up to its elapsed time, for a task that no
// request concerns individually and that has lost no worker since its last checkpoint.
func appendOpening(to []byte, letter byte, token task.Token, seq int64) []byte {
	to = strconv.AppendUint(append(to, letter, '0', ' '), uint64(token), 10)
	to = strconv.AppendInt(append(to, ' '), seq, 10)
	return append(to, " 0 "...)
}

// appendWait appends the reason of a Defer, and its duration in microseconds, rounded up so that
// the wait is not over too early.
func appendWait(to []byte, w *store.Change) []byte {
	after := (w.After + time.Microsecond - 1) / time.Microsecond
	return append(strconv.AppendInt(append(to, waits[w.Wait]), int64(after), 10), ':')
}

// single takes the place of the number of tasks if a claim got one task, which was never touched
// before and has no labels or parameters.
const single = 255

// firstTime reads a task that was never touched before the claim.
func (c *call) firstTime(id plan.ID, r *reader) task.Task {
	at := stamp(c.now)
	return task.Task{
		ID: task.NewID(id, r.number24()), Tenant: task.Tenant{ID: strings.Clone(r.sized())},
		Control: task.Control{State: task.Running, Attempt: 1},
		Version: 2, Token: task.Token(c.token), Worker: c.claim.Worker, StartedAt: at, UpdatedAt: at,
	}
}

// word returns a claim's id, escaped if it contains white space, which would end the id in a head,
// slashes, which would end it in the index, or zero bytes, which separate two ids.
func word(id string) string {
	if strings.ContainsAny(id, " \t\n\v\f\r/%\x00") {
		return url.PathEscape(id)
	}
	return id
}

// bucketSize is the number of tasks that share a hash.
const bucketSize = 64

// appendUndo appends the checkpoint, the step and the undo entry of a Save, the first two of them
// preceded by their lengths.
func appendUndo(to []byte, w *store.Change) []byte {
	var saved []byte
	if w.Step != "" {
		saved = checkpoint.Checkpoint{Step: w.Step, Data: w.Data}.Append(nil)
	}
	to = strconv.AppendInt(to, int64(len(saved)), 10)
	to = append(append(to, ':'), saved...)
	to = strconv.AppendInt(to, int64(len(w.UndoStep)), 10)
	to = append(append(to, ':'), w.UndoStep...)
	entry := checkpoint.UndoLog{{Step: w.UndoStep, Data: w.UndoData}}.Append(nil)
	return append(to, entry[len("1:"):]...)
}

// answerTo writes the answers into the batch from which c was made.
func (c *call) answerTo(b *store.Batch, k keys) error {
	for i := range c.changes {
		a, w := &c.changes[i].answer, &b.Changes[i]
		w.State, w.Err, w.Stop = a.state, nil, task.Go
		switch a.how {
		case '.':
			if w.Kind == store.Save {
				w.Stop = a.stop
			}
		case 'n':
			w.Err = store.ErrNotFound
		case 'f':
			w.Err = &store.FencedError{Task: w.Task, Token: w.Token, Newest: a.newest, Worker: a.worker}
		case 'u':
			w.Err = errFullUndo
		default:
			w.Err = illegal(k, w, a)
		}
	}
	b.View = c.view
	return c.handOut(b, k)
}

// handOut puts the claimed tasks into the batch. It leaves damaged tasks out, and returns an error
// for them only if the batch has no changes and no other task was claimed; heartbeats report
// damaged tasks, too.
func (c *call) handOut(b *store.Batch, k keys) error {
	if c.claimed == "" {
		return nil
	}
	if c.claimed[0] == single {
		r := reader{key: c.key, rest: c.claimed[1:]}
		b.Claimed = append(b.Claimed, c.firstTime(b.Plan, &r))
		return r.err()
	}
	r := reader{key: c.key, rest: c.claimed[1:]}
	var damage error
	for r.more() {
		t, err := parseTask(k, b.Plan, &r, c.canceled)
		if err != nil {
			damage = err
			continue
		}
		b.Claimed = append(b.Claimed, t)
	}
	if len(b.Claimed) > 0 || len(b.Changes) > 0 {
		return nil
	}
	return damage
}

// illegal returns the error of a change that does not fit the task's state, or that needs something
// damaged.
func illegal(k keys, w *store.Change, a *answer) error {
	if a.how == 'g' {
		return &store.CorruptError{Key: k.plan(w.Task.Plan()), Reason: "groups is missing or makes no sense"}
	}
	if a.how == 'w' {
		return &store.CorruptError{Key: k.plan(w.Task.Plan()), Reason: "waves or tallies are missing or make no sense"}
	}
	place := w.Task.Ordinal() - 1
	e := &store.CorruptError{Key: k.tasks(w.Task.Plan(), place/bucketSize)}
	field := strconv.Itoa(place % bucketSize)
	if a.how == 'i' {
		e.Reason = fmt.Sprintf("field %s: work of kind %d in state %s", field, w.Kind, a.state)
	} else {
		e.Reason = "field " + field + " is missing or makes no sense"
	}
	return e
}
