package pgstore

import (
	"encoding/json"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// updates are the columns of tasks that are written together, each task once.
type updates struct {
	ctid                                                   []pgtype.TID
	ordinal                                                int32s
	state, request, wait                                   []int16
	individually, waiting                                  []bool
	attempt, claim, released, losses, version              []int64
	token, lastToken, lastSeq                              []int64
	started, updated, ended, elapsed, waitUntil, retriedAt []int64
	step, failure, attempts                                []*string
	data, undo                                             [][]byte
	sameData, sameUndo                                     []bool
}

type int32s []int32

func (u *updates) add(ordinal uint32, t *rules.Task, was *place) {
	var m rules.More
	if t.More != nil {
		m = *t.More
	}
	u.ctid, u.ordinal = append(u.ctid, was.ctid), append(u.ordinal, int32(ordinal))
	u.state, u.request, u.wait = append(u.state, int16(t.State)), append(u.request, int16(t.Request)), append(u.wait, int16(m.Wait.Why))
	u.individually, u.waiting = append(u.individually, t.PausedIndividually), append(u.waiting, t.Waiting)
	u.attempt, u.claim, u.released = append(u.attempt, int64(t.Attempt)), append(u.claim, int64(t.Claim)), append(u.released, int64(t.Released))
	u.losses, u.version, u.lastSeq = append(u.losses, int64(t.Losses)), append(u.version, int64(t.Version)), append(u.lastSeq, int64(t.LastSeq))
	u.token, u.lastToken = append(u.token, int64(t.Token)), append(u.lastToken, int64(t.LastToken))
	u.started, u.updated, u.ended = append(u.started, instant.MicrosOf(t.Started)), append(u.updated, instant.MicrosOf(t.Updated)), append(u.ended, instant.MicrosOf(t.Ended))
	u.elapsed, u.waitUntil = append(u.elapsed, t.Elapsed.Milliseconds()), append(u.waitUntil, instant.MicrosOf(m.Wait.Until))
	u.retriedAt = append(u.retriedAt, instant.Micros(m.Retried))
	u.addTexts(t, &m)
	u.addBytes(t, &m, was)
}

func (u *updates) addTexts(t *rules.Task, m *rules.More) {
	var step, failure, attempts *string
	if t.Step != "" {
		step = new(encoded(t.Step))
	}
	if m.Failure != nil {
		failure = new(string(planrecord.MarshalFailure(m.Failure)))
	}
	if len(m.Attempts) > 0 {
		attempts = new(string(planrecord.MarshalAttempts(m.Attempts)))
	}
	u.step, u.failure, u.attempts = append(u.step, step), append(u.failure, failure), append(u.attempts, attempts)
}

// addBytes leaves out what is as it was: that may be much.
func (u *updates) addBytes(t *rules.Task, m *rules.More, was *place) {
	data, undo := t.Data, []byte(nil)
	sameData := len(data) == len(was.data) && len(data) > 0 && &data[0] == &was.data[0]
	sameUndo := len(m.Undo) == was.undos
	if sameData {
		data = nil
	}
	if !sameUndo && len(m.Undo) > 0 {
		undo = m.Undo.Append(nil)
	}
	u.data, u.undo = append(u.data, data), append(u.undo, undo)
	u.sameData, u.sameUndo = append(u.sameData, sameData), append(u.sameUndo, sameUndo)
}

// updateTasks finds the rows where they were read. A key would do, but there is a plan for it that
// walks over all tasks, which the server takes as long as it does not know how many there are; the
// sums keep it from the index.
const updateTasks = `UPDATE @.task AS t SET state = u.state, request = u.request, wait = u.wait, paused_individually = u.individually,
	waiting = u.waiting, attempt = u.attempt, claim = u.claim, released = u.released, losses = u.losses, version = u.version,
	token = u.token, last_token = u.last_token, last_seq = u.last_seq, started = u.started, updated = u.updated, ended = u.ended,
	elapsed_ms = u.elapsed_ms, wait_until = u.wait_until, retried = u.retried, step = u.step, failure = u.failure, attempts = u.attempts,
	data = CASE WHEN u.same_data THEN t.data ELSE u.data END, undo = CASE WHEN u.same_undo THEN t.undo ELSE u.undo END
	FROM unnest($2::int[], $3::smallint[], $4::smallint[], $5::smallint[], $6::boolean[], $7::boolean[], $8::bigint[], $9::bigint[], $10::bigint[],
	$11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[],
	$20::bigint[], $21::bigint[], $22::text[], $23::text[], $24::text[], $25::bytea[], $26::bytea[], $27::boolean[], $28::boolean[], $29::tid[])
	AS u (ordinal, state, request, wait, individually, waiting, attempt, claim, released, losses, version, token, last_token, last_seq,
	started, updated, ended, elapsed_ms, wait_until, retried, step, failure, attempts, data, undo, same_data, same_undo, ctid)
	WHERE t.ctid = u.ctid AND t.plan + 0 = $1 AND t.ordinal + 0 = u.ordinal`

// saveTasks writes tasks.
func (t *tx) saveTasks(id plan.ID, u *updates) {
	if len(u.ordinal) == 0 {
		return
	}
	t.checked(len(u.ordinal), updateTasks, int64(id), []int32(u.ordinal), u.state, u.request, u.wait, u.individually, u.waiting, u.attempt, u.claim, u.released,
		u.losses, u.version, u.token, u.lastToken, u.lastSeq, u.started, u.updated, u.ended, u.elapsed, u.waitUntil, u.retriedAt,
		u.step, u.failure, u.attempts, u.data, u.undo, u.sameData, u.sameUndo, u.ctid)
}

// insertTasks writes the rows of tenants whose tasks nobody has touched.
func (t *tx) insertTasks(id plan.ID, first int, tenants []task.Tenant) error {
	if len(tenants) == 0 {
		return nil
	}
	names, labels, parameters := make([]string, len(tenants)), make([]*string, len(tenants)), make([]*string, len(tenants))
	for i := range tenants {
		l, err := jsonOf(tenants[i].Labels)
		if err != nil {
			return err
		}
		p, err := jsonOf(tenants[i].Parameters)
		if err != nil {
			return err
		}
		names[i], labels[i], parameters[i] = encoded(tenants[i].ID), l, p
	}
	t.exec(`INSERT INTO @.task (plan, ordinal, tenant, labels, parameters, token, last_token, last_seq, started, updated, ended, elapsed_ms,
		wait_until, retried, claim, released, attempt, losses, version, state, request, wait, paused_individually, waiting)
		SELECT $1::bigint, $2::int - 1 + u.n, u.tenant, u.labels, u.parameters, 0,0,0,0,0,0,0, 0,0,0,0,0,0, 1, 0,0,0, false, false
		FROM unnest($3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS u (tenant, labels, parameters, n)`,
		int64(id), first, names, labels, parameters)
	return nil
}

// jsonOf returns words as JSON, nil if there are none.
func jsonOf(words map[string]string) (*string, error) {
	if len(words) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(words)
	return new(string(text)), err
}
