package redisstore

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/task"
)

// letters represent the states of tasks in heads, in the order of the states. For a task in flight,
// the small letter means that no worker holds it.
const letters = "PRZCFSXBDE"

// stateOf returns the state that a letter represents.
func stateOf(letter byte) (task.State, bool) {
	i := strings.IndexByte(letters, upper(letter))
	return task.State(max(i, 0)), i >= 0
}

func upper(letter byte) byte {
	if letter >= 'a' && letter <= 'z' {
		return letter - 'a' + 'A'
	}
	return letter
}

func lower(letter byte) byte {
	if letter >= 'A' && letter <= 'Z' {
		return letter - 'A' + 'a'
	}
	return letter
}

// waits are the letters of the reasons to wait, in the order of the reasons. A capital letter means
// that the task is waiting.
const waits = "0hbpq"

// formatWait returns the word of a head for a task that is not waiting.
func formatWait(w task.Wait) string {
	if w.Why == task.NoWait {
		return waits[:1]
	}
	until := w.Until.UnixMicro()
	if w.Until.Nanosecond()%1000 > 0 {
		until++ // not too early
	}
	return waits[w.Why:w.Why+1] + strconv.FormatInt(max(0, until), 10)
}

// parseWait reads the word of a head, and reports whether the task is waiting.
func parseWait(word string) (w task.Wait, waiting, ok bool) {
	if word == waits[:1] {
		return w, false, true
	}
	if word == "" {
		return w, false, false
	}
	why := strings.IndexByte(waits, lower(word[0]))
	until, err := strconv.ParseUint(word[1:], 10, 63)
	return task.Wait{Why: task.WaitReason(max(0, why)), Until: stamp(int64(until))}, word[0] < 'a', why > 0 && err == nil
}

// head is the line of a task in its bucket, see scripts/lib/head.lua.
type head struct {
	letter                  byte
	request                 task.Request
	token                   task.Token
	updated                 int64
	losses                  int
	elapsed                 time.Duration
	wait                    task.Wait
	waiting                 bool
	version                 uint64
	attempt                 int
	alone                   bool
	started, ended, retried int64
	worker                  string
}

// untouched returns the head that a task without a stored head is treated as having.
func untouched() head { return head{letter: 'P', version: 1} }

func parseHead(s string) (head, bool) {
	if s == "" {
		return untouched(), true
	}
	r := reader{rest: s}
	state := r.until(' ')
	if len(state) != 2 {
		return head{}, false
	}
	h := head{letter: state[0], request: task.Request(state[1] - '0')}
	h.token = task.Token(r.number(' '))
	r.number(' ') // the worker's last change
	h.losses, h.elapsed, h.updated = int(r.number(' ')), time.Duration(r.number(' '))*time.Millisecond, r.number(' ')
	r.until(' ') // what is stored beside the head
	h.version, h.attempt, h.alone = uint64(r.number(' ')), int(r.number(' ')), r.number(' ') == 1
	h.started, h.ended = r.number(' '), r.number(' ')
	r.number(' ') // its place in order
	h.retried = r.number(' ')
	var ok bool
	h.wait, h.waiting, ok = parseWait(r.until(' '))
	previous, rest, held := strings.Cut(r.rest, " ") // the last change under an older token
	if held {
		_, h.worker, held = strings.Cut(rest, " ") // after the claim
		r.bad = r.bad || !held
	}
	r.bad = r.bad || previous == ""
	unheld := h.letter == 'r' || h.letter == 'b'
	return h, ok && (!h.waiting || unheld) && !r.bad
}

// taskTexts is the number of strings that follow a task's ordinal in an answer, after their sizes.
const taskTexts = 6

// fillDetails copies into t the values that are stored beside a head.
func fillDetails(t *task.Task, given, saved, undo, failure string) error {
	if given != "" {
		var x extras
		if err := json.Unmarshal([]byte(given), &x); err != nil {
			return err
		}
		t.Tenant.Labels, t.Tenant.Parameters = x.Labels, x.Parameters
	}
	if saved != "" {
		c, err := checkpoint.Parse([]byte(saved))
		if err != nil {
			return err
		}
		t.Checkpoint = &c
	}
	if undo != "" {
		log, err := checkpoint.ParseUndo([]byte(undo))
		if err != nil {
			return err
		}
		t.Undo = log
	}
	failure, attempts, tried := strings.Cut(failure, "\n")
	if failure != "" {
		f, err := parseFailure(failure)
		if err != nil {
			return err
		}
		t.Failure = f
	}
	if tried {
		return planrecord.ParseAttempts([]byte(attempts), &t.Attempts)
	}
	return nil
}

// parseTasks appends the tasks of an answer to tasks.
func parseTasks(k keys, id plan.ID, key, answer string, tasks []task.Task) ([]task.Task, int, error) {
	r := reader{key: key, rest: answer[1:]}
	next, canceled := int(r.number('|')), r.until('|') == "1"
	for r.more() {
		t, err := parseTask(k, id, &r, canceled)
		if err != nil {
			return nil, 0, err
		}
		tasks = append(tasks, t)
	}
	return tasks, next, r.err()
}

// parseTask reads one task of an answer. canceled means that pending tasks show as canceled.
func parseTask(k keys, id plan.ID, r *reader, canceled bool) (task.Task, error) {
	ordinal := r.number24()
	var size [taskTexts]int
	for i := range size {
		size[i] = r.size()
	}
	headText, tenant, given := r.take(size[0]), r.take(size[1]), r.take(size[2])
	saved, undo, failure := r.take(size[3]), r.take(size[4]), r.take(size[5])
	if err := r.err(); err != nil {
		return task.Task{}, err
	}
	h, ok := parseHead(headText)
	state, known := stateOf(h.letter)
	if !ok || !known {
		return task.Task{}, damagedTask(k, id, ordinal, fmt.Errorf("%.64q is no head", headText))
	}
	if state == task.Pending && canceled {
		state = task.Canceled
	}
	t := task.Task{
		ID: task.NewID(id, ordinal), Tenant: task.Tenant{ID: strings.Clone(tenant)},
		Control: task.Control{
			State: state, Attempt: h.attempt, Request: h.request, PausedIndividually: h.alone, Losses: h.losses,
			Wait: h.wait, Elapsed: h.elapsed,
		},
		Waiting: h.waiting,
		Version: h.version, Token: h.token, Worker: strings.Clone(h.worker),
		StartedAt: stamp(h.started), UpdatedAt: stamp(h.updated), EndedAt: stamp(h.ended),
	}
	if h.retried != 0 {
		t.RetriedAt = time.Unix(0, h.retried).UTC()
	}
	if err := fillDetails(&t, given, saved, undo, failure); err != nil {
		return task.Task{}, damagedTask(k, id, ordinal, err)
	}
	return t, nil
}

func damagedTask(k keys, id plan.ID, ordinal int, why error) error {
	place := max(0, ordinal-1)
	return &store.CorruptError{
		Key:    k.tasks(id, place/bucketSize),
		Reason: "task " + strconv.Itoa(ordinal) + ": " + why.Error(),
	}
}

// extras is the stored form of a tenant's labels and parameters.
type extras struct {
	Labels     map[string]string `json:"labels,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
}
