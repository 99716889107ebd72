package sqlitestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// recentTask is what changes of a task that a worker holds, as the table recent has it. Its JSON is
// an array of the numbers, the worker and the step, which the view tasks reads as well.
type recentTask struct {
	n            [recentNumbers]int64
	worker, step string
	data         []byte // the checkpoint, and the undo log after it
}

// The numbers of a recentTask.
const (
	recentOrdinal = iota
	recentClaim
	recentState
	recentAttempt
	recentRequest
	recentPaused
	recentReleased
	recentLosses
	recentVersion
	recentToken
	recentLastToken
	recentLastSeq
	recentStarted
	recentUpdated
	recentEnded
	recentElapsed // milliseconds
	recentWhy
	recentUntil
	recentRetried
	recentAt   // where data begins in the row's
	recentData // lengths
	recentUndo
	recentNumbers
)

// fitsRecent reports whether what changes of the task may stand in the table recent. What is long,
// and what few tasks have, goes to the task's row at once.
func (t *taskRow) fitsRecent(worker string) bool {
	return t.Claim != 0 && (t.More == nil || t.More.Failure == nil && t.More.Attempts == nil) &&
		t.length() <= maxLength && utf8.ValidString(t.Step) && utf8.ValidString(worker)
}

// appendRecent appends a task to the columns tasks and data.
func (t *taskRow) appendRecent(text, data []byte, ordinal uint32, worker string) (newText, newData []byte) {
	var m rules.More
	if t.More != nil {
		m = *t.More
	}
	at := len(data)
	data = append(data, t.Data...)
	if len(m.Undo) > 0 {
		data = m.Undo.Append(data)
	}
	for i, n := range [recentNumbers]int64{
		int64(ordinal), int64(t.Claim), int64(t.State), int64(t.Attempt), int64(t.Request), bit(t.PausedIndividually), int64(t.Released),
		int64(t.Losses), int64(t.Version), int64(t.Token), int64(t.LastToken), int64(t.LastSeq),
		instant.MicrosOf(t.Started), instant.MicrosOf(t.Updated), instant.MicrosOf(t.Ended), t.Elapsed.Milliseconds(),
		int64(m.Wait.Why), instant.MicrosOf(m.Wait.Until), instant.Micros(m.Retried), int64(at), int64(len(t.Data)), int64(len(data) - at - len(t.Data)),
	} {
		sep := byte(',')
		if i == 0 {
			sep = '['
		}
		text = strconv.AppendInt(append(text, sep), n, 10)
	}
	text = appendText(append(text, ','), worker)
	text = appendText(append(text, ','), t.Step)
	return append(text, ']'), data
}

// appendText appends a valid string as JSON.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			text, _ := json.Marshal(s) //nolint:errchkjson // a string has no error
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// parseRecent reads a task of the column tasks. data is the row's.
func parseRecent(text json.RawMessage, data []byte) (*recentTask, error) {
	t := &recentTask{}
	var to [recentNumbers + 2]any
	for i := range t.n {
		to[i] = &t.n[i]
	}
	to[recentNumbers], to[recentNumbers+1] = &t.worker, &t.step
	if err := json.Unmarshal(text, &to); err != nil {
		return nil, err
	}
	at, length := t.n[recentAt], t.n[recentData]+t.n[recentUndo]
	if t.n[recentData] < 0 || t.n[recentUndo] < 0 || at < 0 || length < 0 || length > int64(len(data)) || at > int64(len(data))-length {
		return nil, errors.New("its data are not there")
	}
	t.data = data[at : at+length]
	return t, nil
}

// fill puts what has changed into the task that was read from its row.
func (r *recentTask) fill(t *rules.Task) error {
	n := &r.n
	for _, i := range [...]int{recentClaim, recentAttempt, recentReleased, recentLosses, recentVersion, recentLastSeq} {
		if n[i] < 0 || n[i] > math.MaxUint32 {
			return fmt.Errorf("number %d is %d", i, n[i])
		}
	}
	if n[recentState] < 0 || n[recentState] >= int64(task.NumStates) || !task.State(n[recentState]).InFlight() || n[recentClaim] == 0 ||
		n[recentRequest] < 0 || n[recentRequest] > int64(task.StartRequest) || n[recentWhy] < 0 || n[recentWhy] > int64(task.WaitPlace) || n[recentVersion] < 1 {
		return errors.New("state, claim, request, wait or version is out of its range")
	}
	t.State, t.Request, t.PausedIndividually, t.Waiting = task.State(n[recentState]), task.Request(n[recentRequest]), n[recentPaused] != 0, false
	t.Claim, t.Attempt, t.Released = uint32(n[recentClaim]), uint32(n[recentAttempt]), uint32(n[recentReleased])
	t.Losses, t.Version, t.LastSeq = uint32(n[recentLosses]), uint32(n[recentVersion]), uint32(n[recentLastSeq])
	t.Token, t.LastToken = task.Token(n[recentToken]), task.Token(n[recentLastToken])
	t.Started, t.Updated, t.Ended = instant.Stamp(n[recentStarted]), instant.Stamp(n[recentUpdated]), instant.Stamp(n[recentEnded])
	t.Elapsed, t.Step, t.Data = time.Duration(n[recentElapsed])*time.Millisecond, r.step, nil
	if n[recentData] > 0 {
		t.Data = bytes.Clone(r.data[:n[recentData]])
	}
	return r.fillMore(t)
}

func (r *recentTask) fillMore(t *rules.Task) error {
	m := rules.More{Wait: rules.Wait{Why: task.WaitReason(r.n[recentWhy]), Until: instant.Stamp(r.n[recentUntil])}, Retried: instant.Time(r.n[recentRetried])}
	if t.More != nil {
		m.Labels, m.Parameters = t.More.Labels, t.More.Parameters
	}
	if r.n[recentUndo] > 0 {
		var err error
		if m.Undo, err = checkpoint.ParseUndo(bytes.Clone(r.data[r.n[recentData]:])); err != nil {
			return fmt.Errorf("undo: %w", err)
		}
	}
	t.More = nil
	if m.Wait != (rules.Wait{}) || !m.Retried.IsZero() || m.Labels != nil || m.Parameters != nil || m.Undo != nil {
		t.More = &m
	}
	return nil
}

// fillRecent puts what the table recent has of a task into it, if that is anything.
func (r *rows) fillRecent(ordinal uint32, t *rules.Task) (found *recentTask, err error) {
	found = r.recent.unread[ordinal]
	if found == nil {
		return nil, nil
	}
	if err := found.fill(t); err != nil {
		key := fmt.Sprintf("%s: table recent, plan %d, ordinal %d", r.c.file, r.p.ID, ordinal)
		return nil, &store.CorruptError{Key: key, Reason: err.Error()}
	}
	return found, nil
}
