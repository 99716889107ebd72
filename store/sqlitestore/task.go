package sqlitestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// taskColumns are the columns of a task that scanTask reads.
const taskColumns = `t.ordinal, t.state, t.attempt, t.claim, t.released, t.tenant, t.request, t.paused_individually, t.waiting, t.losses, t.version,
	t.token, t.last_token, t.last_seq, t.started, t.updated, t.ended, t.elapsed_ms, t.wait, t.wait_until, t.retried,
	t.labels, t.parameters, t.step, t.failure, t.data, t.undo, t.attempts`

// scanTask reads a row of taskColumns. The error says what makes no sense.
func scanTask(r row, t *rules.Task) error {
	n := func(col int) int64 { return r.ColumnInt64(col) }
	t.State, t.Request = task.State(n(1)), task.Request(n(6))
	t.Attempt, t.Claim, t.Released = uint32(n(2)), uint32(n(3)), uint32(n(4))
	t.Tenant, t.PausedIndividually, t.Waiting = r.ColumnText(5), n(7) != 0, n(8) != 0
	t.Losses, t.Version, t.Token, t.LastToken, t.LastSeq = uint32(n(9)), uint32(n(10)), task.Token(n(11)), task.Token(n(12)), uint32(n(13))
	t.Started, t.Updated, t.Ended, t.Elapsed = instant.Stamp(n(14)), instant.Stamp(n(15)), instant.Stamp(n(16)), time.Duration(n(17))*time.Millisecond
	if err := checkTask(r, t); err != nil {
		return err
	}
	t.Step = r.ColumnText(23)
	t.Data = r.ColumnBlob(25, nil)
	m := rules.More{Wait: rules.Wait{Why: task.WaitReason(n(18)), Until: instant.Stamp(n(19))}, Retried: instant.Time(n(20))}
	if err := fillMore(r, &m); err != nil {
		return err
	}
	if m.Wait != (rules.Wait{}) || !m.Retried.IsZero() || m.Labels != nil || m.Parameters != nil || m.Failure != nil || m.Undo != nil || m.Attempts != nil {
		t.More = &m
	}
	return nil
}

// checkTask returns what makes no sense in the numbers of a row.
func checkTask(r row, t *rules.Task) error {
	switch n := r.ColumnInt64; {
	case n(1) < 0 || n(1) >= int64(task.NumStates):
		return fmt.Errorf("state is %d", n(1))
	case n(6) < 0 || n(6) > int64(task.StartRequest) || n(18) < 0 || n(18) > int64(task.WaitPlace):
		return fmt.Errorf("request is %d, wait is %d", n(6), n(18))
	case n(2) < 0 || n(2) > math.MaxUint32 || n(3) < 0 || n(3) > math.MaxUint32 || n(10) < 1 || n(11) < 0:
		return errors.New("attempt, claim, version or token is out of its range")
	case t.Tenant == "":
		return errors.New("the tenant is missing")
	case (t.Claim != 0 || t.Waiting) && !t.State.InFlight() || t.Claim != 0 && t.Waiting:
		return fmt.Errorf("it is %s, and held or waiting", t.State)
	}
	return nil
}

// fillMore reads the columns that few tasks have.
func fillMore(r row, m *rules.More) error {
	var failure *planrecord.Failure
	for _, c := range []struct {
		col  int
		name string
		read func(text []byte) error
	}{
		{21, "labels", func(text []byte) error { return json.Unmarshal(text, &m.Labels) }},
		{22, "parameters", func(text []byte) error { return json.Unmarshal(text, &m.Parameters) }},
		{24, "failure", func(text []byte) error { return json.Unmarshal(text, &failure) }},
		{26, "undo", func(text []byte) (err error) {
			m.Undo, err = checkpoint.ParseUndo(bytes.Clone(text))
			return err
		}},
		{27, "attempts", func(text []byte) error { return planrecord.ParseAttempts(text, &m.Attempts) }},
	} {
		if text := r.ColumnRawBlob(c.col); text != nil {
			if err := c.read(text); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	if failure != nil {
		m.Failure = failure.Info()
	}
	return nil
}

// task reads a task. It returns a *store.CorruptError if the row is missing or makes no sense.
func (c *conn) task(id plan.ID, ordinal uint32, t *rules.Task) error {
	var bad error
	found, err := c.one("SELECT "+taskColumns+" FROM task AS t WHERE t.plan = ? AND t.ordinal = ?", []any{int64(id), ordinal}, func(r row) {
		bad = scanTask(r, t)
	})
	switch {
	case err != nil:
		return err
	case !found:
		return c.damaged(id, ordinal, "the row is missing")
	case bad != nil:
		return c.damaged(id, ordinal, bad.Error())
	}
	return nil
}

const updateTask = `UPDATE task SET state = ?3, attempt = ?4, claim = ?5, released = ?6, request = ?7, paused_individually = ?8, waiting = ?9,
	losses = ?10, version = ?11, token = ?12, last_token = ?13, last_seq = ?14, started = ?15, updated = ?16, ended = ?17, elapsed_ms = ?18,
	wait = ?19, wait_until = ?20, retried = ?21, step = ?22, failure = ?23, data = ?24, undo = ?25, attempts = ?26 WHERE plan = ?1 AND ordinal = ?2`

// updatePlain is updateTask for a task that has nothing of what few have.
const updatePlain = `UPDATE task SET state = ?3, attempt = ?4, claim = ?5, released = ?6, request = ?7, version = ?8, token = ?9, last_token = ?10,
	last_seq = ?11, started = ?12, updated = ?13, ended = ?14, elapsed_ms = ?15, paused_individually = 0, waiting = 0, losses = 0, wait = 0,
	wait_until = 0, retried = 0, step = NULL, failure = NULL, data = NULL, undo = NULL, attempts = NULL WHERE plan = ?1 AND ordinal = ?2`

// plain reports whether updatePlain writes all of a task. Labels and parameters do not change.
func plain(t *rules.Task) bool {
	m := t.More
	return t.Step == "" && len(t.Data) == 0 && !t.PausedIndividually && !t.Waiting && t.Losses == 0 && (m == nil ||
		m.Failure == nil && len(m.Undo) == 0 && len(m.Attempts) == 0 && m.Wait == rules.Wait{} && m.Retried.IsZero())
}

// saveTask writes what the rules have changed of a task.
func (c *conn) saveTask(id plan.ID, ordinal uint32, t *rules.Task) error {
	if !plain(t) {
		return c.saveWhole(id, ordinal, t)
	}
	s, err := c.prepared(updatePlain, nil)
	if err != nil {
		return err
	}
	for i, n := range [...]int64{
		int64(id), int64(ordinal), int64(t.State), int64(t.Attempt), int64(t.Claim), int64(t.Released), int64(t.Request), int64(t.Version),
		int64(t.Token), int64(t.LastToken), int64(t.LastSeq),
		instant.MicrosOf(t.Started), instant.MicrosOf(t.Updated), instant.MicrosOf(t.Ended), t.Elapsed.Milliseconds(),
	} {
		if err := s.BindInt64(i+1, n); err != nil {
			return err
		}
	}
	return s.Exec()
}

// saveWhole is saveTask for any task.
func (c *conn) saveWhole(id plan.ID, ordinal uint32, t *rules.Task) error {
	var m rules.More
	if t.More != nil {
		m = *t.More
	}
	var step, failure, undo, attempts any
	if t.Step != "" {
		step = t.Step
	}
	if m.Failure != nil {
		failure = string(planrecord.MarshalFailure(m.Failure))
	}
	if len(m.Undo) > 0 {
		undo = m.Undo.Append(nil)
	}
	if len(m.Attempts) > 0 {
		attempts = string(planrecord.MarshalAttempts(m.Attempts))
	}
	s, err := c.prepared(updateTask, nil)
	if err != nil {
		return err
	}
	for i, n := range [...]int64{
		int64(id), int64(ordinal), int64(t.State), int64(t.Attempt), int64(t.Claim), int64(t.Released), int64(t.Request),
		bit(t.PausedIndividually), bit(t.Waiting), int64(t.Losses), int64(t.Version), int64(t.Token), int64(t.LastToken), int64(t.LastSeq),
		instant.MicrosOf(t.Started), instant.MicrosOf(t.Updated), instant.MicrosOf(t.Ended), t.Elapsed.Milliseconds(), int64(m.Wait.Why), instant.MicrosOf(m.Wait.Until), instant.Micros(m.Retried),
	} {
		if err := s.BindInt64(i+1, n); err != nil {
			return err
		}
	}
	for i, v := range [...]any{step, failure, t.Data, undo, attempts} {
		if err := bind(s, 22+i, v); err != nil {
			return err
		}
	}
	return s.Exec()
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// insertTask writes the row of a tenant whose task nobody has touched.
func (c *conn) insertTask(id plan.ID, ordinal int, t *task.Tenant) error {
	labels, err := jsonOf(t.Labels)
	if err != nil {
		return err
	}
	parameters, err := jsonOf(t.Parameters)
	if err != nil {
		return err
	}
	return c.exec(`INSERT INTO task VALUES (?, ?, 0, 0, 0, 0, ?, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ?, ?, NULL, NULL, NULL, NULL, NULL)`,
		int64(id), ordinal, t.ID, labels, parameters)
}

// jsonOf returns words as JSON, nil if there are none.
func jsonOf(words map[string]string) (any, error) {
	if len(words) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(words)
	return string(text), err
}
