package pgstore

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// updates are the columns of tasks that are written together, each task once. The numbers of all
// tasks are in one array: the server takes from it what it needs at little cost, while every array
// that it makes rows of costs a copy of each value.
type updates struct {
	numbers  []int64 // numbersOfTask for each
	step     []*string
	data     [][]byte
	failure  []*string
	attempts []*string
	undo     [][]byte
}

// numbersOfTask is how many numbers a task has in updates.
const numbersOfTask = 22

func (u *updates) add(ordinal uint32, t *rules.Task, was *place) {
	var m rules.More
	if t.More != nil {
		m = *t.More
	}
	// What is as it was is left out: that may be much.
	data, undo := t.Data, []byte(nil)
	sameData := len(data) == len(was.data) && len(data) > 0 && &data[0] == &was.data[0]
	sameUndo := len(m.Undo) == was.undos
	if sameData {
		data = nil
	}
	if !sameUndo && len(m.Undo) > 0 {
		undo = m.Undo.Append(nil)
	}
	u.numbers = append(u.numbers, int64(ordinal), int64(t.State), int64(t.Request), int64(m.Wait.Why), bit(t.PausedIndividually), bit(t.Waiting),
		int64(t.Attempt), int64(t.Claim), int64(t.Released), int64(t.Losses), int64(t.Version), int64(t.Token), int64(t.LastToken), int64(t.LastSeq),
		instant.MicrosOf(t.Started), instant.MicrosOf(t.Updated), instant.MicrosOf(t.Ended), t.Elapsed.Milliseconds(),
		instant.MicrosOf(m.Wait.Until), instant.Micros(m.Retried), bit(sameData), bit(sameUndo))
	u.step, u.data, u.undo = append(u.step, textOf(encoded(t.Step))), append(u.data, data), append(u.undo, undo)
	var failure, attempts *string
	if m.Failure != nil {
		failure = new(string(planrecord.MarshalFailure(m.Failure)))
	}
	if len(m.Attempts) > 0 {
		attempts = new(string(planrecord.MarshalAttempts(m.Attempts)))
	}
	u.failure, u.attempts = append(u.failure, failure), append(u.attempts, attempts)
}

// bit returns 1 for true.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// textOf returns nil for no text.
func textOf(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// updateTasks returns the statement that updates tasks. It looks for each by its key, in a query
// within: for a join there is a plan that walks over all tasks, which the server takes as long as
// it does not know how many there are. Where they were before would not do: to look by the key is
// also what makes room on their pages. Few tasks have rare columns: those of others stay.
func updateTasks(rare bool) string {
	number := func(at int) string {
		return fmt.Sprintf("($2::bigint[])[u.n::int * %d - %d]", numbersOfTask, numbersOfTask-at)
	}
	var b strings.Builder
	b.WriteString("UPDATE @.task AS t SET step = u.step, data = CASE WHEN " + number(21) + " = 1 THEN t.data ELSE u.data END")
	for i, c := range strings.Fields(`state request wait paused_individually waiting attempt claim released losses version token last_token last_seq
		started updated ended elapsed_ms wait_until retried`) {
		b.WriteString(", " + c + " = " + number(i+2))
		switch c {
		case "state", "request", "wait":
			b.WriteString("::smallint")
		case "paused_individually", "waiting":
			b.WriteString(" = 1")
		}
	}
	kinds, names := "$3::text[], $4::bytea[]", "step, data"
	if rare {
		b.WriteString(", failure = u.failure, attempts = u.attempts, undo = CASE WHEN " + number(22) + " = 1 THEN t.undo ELSE u.undo END")
		kinds, names = kinds+", $5::text[], $6::text[], $7::bytea[]", names+", failure, attempts, undo"
	}
	b.WriteString(" FROM (SELECT (SELECT k.ctid FROM @.task AS k WHERE k.plan = $1 AND k.ordinal = " + strings.ReplaceAll(number(1), "u.n", "v.n") +
		") AS ctid, v.* FROM unnest(" + kinds + ") WITH ORDINALITY AS v (" + names + ", n)) AS u WHERE t.ctid = u.ctid")
	return b.String()
}

//nolint:gochecknoglobals // constant texts
var updateCommon, updateRare = updateTasks(false), updateTasks(true)

// saveTasks writes tasks.
func (t *tx) saveTasks(id plan.ID, u *updates, rare bool) {
	switch n := len(u.step); {
	case n == 0:
	case rare:
		t.checked(n, updateRare, int64(id), u.numbers, u.step, u.data, u.failure, u.attempts, u.undo)
	default:
		t.checked(n, updateCommon, int64(id), u.numbers, u.step, u.data)
	}
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
