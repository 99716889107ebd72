package pgstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// taskColumns are the columns of a task that a taskRow has.
const taskColumns = `t.ordinal, t.state, t.request, t.wait, t.paused_individually, t.waiting, t.attempt, t.claim, t.released, t.losses, t.version,
	t.token, t.last_token, t.last_seq, t.started, t.updated, t.ended, t.elapsed_ms, t.wait_until, t.retried,
	t.tenant, t.labels, t.parameters, t.step, t.failure, t.attempts, t.data, t.undo`

// taskRow is a row of taskColumns.
type taskRow struct {
	ordinal                                                int32
	state, request, wait                                   int16
	individually, waiting                                  bool
	attempt, claim, released, losses, version              int64
	token, lastToken, lastSeq                              int64
	started, updated, ended, elapsed, waitUntil, retriedAt int64
	tenant                                                 string
	labels, parameters, step, failure, attempts            *string
	data, undo                                             []byte
}

// columns returns where taskColumns are read into, and then more.
func (r *taskRow) columns(more ...any) []any {
	return append([]any{
		&r.ordinal, &r.state, &r.request, &r.wait, &r.individually, &r.waiting, &r.attempt, &r.claim, &r.released, &r.losses, &r.version,
		&r.token, &r.lastToken, &r.lastSeq, &r.started, &r.updated, &r.ended, &r.elapsed, &r.waitUntil, &r.retriedAt,
		&r.tenant, &r.labels, &r.parameters, &r.step, &r.failure, &r.attempts, &r.data, &r.undo,
	}, more...)
}

// scan reads a row of taskColumns and more.
func (r *taskRow) scan(from pgx.Rows, more ...any) error { return from.Scan(r.columns(more...)...) }

// fill sets a task. The error says what makes no sense.
func (r *taskRow) fill(t *rules.Task) error {
	*t = rules.Task{
		State: task.State(r.state), Request: task.Request(r.request), Attempt: uint32(r.attempt), Claim: uint32(r.claim), Released: uint32(r.released),
		Tenant: decoded(r.tenant), PausedIndividually: r.individually, Waiting: r.waiting, Losses: uint32(r.losses), Version: uint32(r.version),
		Token: task.Token(r.token), LastToken: task.Token(r.lastToken), LastSeq: uint32(r.lastSeq),
		Started: instant.Stamp(r.started), Updated: instant.Stamp(r.updated), Ended: instant.Stamp(r.ended), Elapsed: time.Duration(r.elapsed) * time.Millisecond,
		Data: r.data,
	}
	if r.step != nil {
		t.Step = decoded(*r.step)
	}
	if err := r.check(t); err != nil {
		return err
	}
	m := rules.More{Wait: rules.Wait{Why: task.WaitReason(r.wait), Until: instant.Stamp(r.waitUntil)}, Retried: instant.Time(r.retriedAt)}
	if err := r.more(&m); err != nil {
		return err
	}
	if m.Wait != (rules.Wait{}) || !m.Retried.IsZero() || m.Labels != nil || m.Parameters != nil || m.Failure != nil || m.Undo != nil || m.Attempts != nil {
		t.More = &m
	}
	return nil
}

// check returns what makes no sense in the numbers of a row.
func (r *taskRow) check(t *rules.Task) error {
	switch {
	case r.state < 0 || int(r.state) >= task.NumStates:
		return fmt.Errorf("state is %d", r.state)
	case r.request < 0 || r.request > int16(task.StartRequest) || r.wait < 0 || r.wait > int16(task.WaitPlace):
		return fmt.Errorf("request is %d, wait is %d", r.request, r.wait)
	case r.attempt < 0 || r.attempt > math.MaxUint32 || r.claim < 0 || r.claim > math.MaxUint32 || r.version < 1 || r.token < 0:
		return errors.New("attempt, claim, version or token is out of its range")
	case t.Tenant == "":
		return errors.New("the tenant is missing")
	case (t.Claim != 0 || t.Waiting) && !t.State.InFlight() || t.Claim != 0 && t.Waiting:
		return fmt.Errorf("it is %s, and held or waiting", t.State)
	}
	return nil
}

// more reads the columns that few tasks have.
func (r *taskRow) more(m *rules.More) error {
	var failure *planrecord.Failure
	for _, c := range []struct {
		name string
		text *string
		read func(text []byte) error
	}{
		{"labels", r.labels, func(text []byte) error { return json.Unmarshal(text, &m.Labels) }},
		{"parameters", r.parameters, func(text []byte) error { return json.Unmarshal(text, &m.Parameters) }},
		{"failure", r.failure, func(text []byte) error { return json.Unmarshal(text, &failure) }},
		{"attempts", r.attempts, func(text []byte) error { return planrecord.ParseAttempts(text, &m.Attempts) }},
	} {
		if c.text != nil {
			if err := c.read([]byte(*c.text)); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	if failure != nil {
		m.Failure = failure.Info()
	}
	if r.undo != nil {
		undo, err := checkpoint.ParseUndo(r.undo)
		if err != nil {
			return fmt.Errorf("undo: %w", err)
		}
		m.Undo = undo
	}
	return nil
}
