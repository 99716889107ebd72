package wire

import (
	"encoding/json"
	"strconv"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// TaskSummary is a task in a list.
type TaskSummary struct {
	TaskID   task.ID           `json:"taskId"`
	PlanID   plan.ID           `json:"planId"`
	Ordinal  int               `json:"ordinal"`
	Wave     int               `json:"wave,omitzero"`
	TenantID string            `json:"tenantId"`
	Labels   map[string]string `json:"labels,omitempty"`
	State    task.State        `json:"state"`
	Attempt  int               `json:"attempt"`
	// Worker is the process that runs the task; Waiting means that it keeps its slot without one.
	Worker             string       `json:"worker,omitempty"`
	Waiting            bool         `json:"waiting,omitzero"`
	Wait               *Wait        `json:"wait,omitempty"`
	Request            task.Request `json:"request,omitzero"`
	PausedIndividually bool         `json:"pausedIndividually,omitzero"`
	Losses             int          `json:"losses,omitzero"`
	FailureInfo        *FailureInfo `json:"failureInfo,omitempty"`
	Elapsed            Duration     `json:"elapsed,omitzero"`
	Version            uint64       `json:"version"`
	Token              string       `json:"token,omitempty"`
	StartedAt          Time         `json:"startedAt,omitzero"`
	RetriedAt          Time         `json:"retriedAt,omitzero"`
	UpdatedAt          Time         `json:"updatedAt,omitzero"`
	EndedAt            Time         `json:"endedAt,omitzero"`
	// Actions are what the caller may do, and the task and its plan allow now.
	Actions []string `json:"actions"`
}

// Wait is why, and until when, a task waits.
type Wait struct {
	Reason task.WaitReason `json:"reason"`
	Until  Time            `json:"until"`
}

// FailureInfo is the record of a failure.
type FailureInfo struct {
	Reason    string `json:"reason"`
	ErrorCode string `json:"errorCode"`
	Timestamp Time   `json:"timestamp"`
	Step      string `json:"step,omitempty"`
	Attempt   int    `json:"attempt"`
	Retryable bool   `json:"retryable"`
}

// TaskSummaryOf returns the summary of a task of a plan.
func TaskSummaryOf(p *plan.Plan, t *task.Task, actions []string) TaskSummary {
	w := TaskSummary{
		TaskID: t.ID, PlanID: t.ID.Plan(), Ordinal: t.ID.Ordinal(), TenantID: t.Tenant.ID, Labels: t.Tenant.Labels,
		State: t.State, Attempt: t.Attempt, Worker: t.Worker, Waiting: t.Waiting, Request: t.Request,
		PausedIndividually: t.PausedIndividually, Losses: t.Losses, FailureInfo: failureOf(t.Failure), Elapsed: Duration(t.Elapsed),
		Version: t.Version, StartedAt: Time{t.StartedAt}, RetriedAt: Time{t.RetriedAt}, UpdatedAt: Time{t.UpdatedAt}, EndedAt: Time{t.EndedAt},
		Actions: actions,
	}
	if len(p.Waves) > 0 {
		w.Wave = p.WaveOf(w.Ordinal)
	}
	if t.Wait.Why != task.NoWait {
		w.Wait = &Wait{Reason: t.Wait.Why, Until: Time{t.Wait.Until}}
	}
	if t.Token != 0 {
		w.Token = strconv.FormatUint(uint64(t.Token), 10)
	}
	return w
}

func failureOf(f *task.FailureInfo) *FailureInfo {
	if f == nil {
		return nil
	}
	return &FailureInfo{
		Reason: f.Reason, ErrorCode: f.ErrorCode, Timestamp: Time{f.Timestamp}, Step: f.Step, Attempt: f.Attempt, Retryable: f.Retryable,
	}
}

// Task is a task. Its data is shown to who may view it; others see only the names of the steps.
type Task struct {
	TaskSummary
	Parameters map[string]string `json:"parameters,omitempty"`
	Checkpoint *Saved            `json:"checkpoint,omitempty"`
	Undo       []Saved           `json:"undo,omitempty"`
	// Attempts are the attempts and undos that failed, the oldest first.
	Attempts []Attempt `json:"attempts,omitempty"`
	// Unchanged and Repeated are as in Plan.
	Unchanged bool `json:"unchanged,omitzero"`
	Repeated  bool `json:"repeated,omitzero"`
	// Stopped means that no worker takes the task before its plan runs again.
	Stopped bool `json:"stopped,omitzero"`
}

// Attempt is an attempt, or an undo, that failed.
type Attempt struct {
	Attempt   int    `json:"attempt"`
	Undo      bool   `json:"undo,omitzero"`
	StartedAt Time   `json:"startedAt,omitzero"`
	EndedAt   Time   `json:"endedAt"`
	Worker    string `json:"worker,omitempty"`
	ErrorCode string `json:"errorCode"`
	Step      string `json:"step,omitempty"`
}

// Saved is a checkpoint or an undo entry. Data is what the executor saved.
type Saved struct {
	Step string          `json:"step"`
	Data json.RawMessage `json:"data,omitempty"`
}

// TaskOf returns a task of a plan. data says whether its data is shown.
func TaskOf(p *plan.Plan, t *task.Task, actions []string, data Data) Task {
	w := Task{TaskSummary: TaskSummaryOf(p, t, actions)}
	if data == Shown {
		w.Parameters = task.Merge(p.Parameters, t.Tenant.Parameters)
	}
	if t.Checkpoint != nil {
		w.Checkpoint = &Saved{t.Checkpoint.Step, data.of(t.Checkpoint.Data)}
	}
	for _, u := range t.Undo {
		w.Undo = append(w.Undo, Saved{u.Step, data.of(u.Data)})
	}
	for i := range t.Attempts {
		a := &t.Attempts[i]
		w.Attempts = append(w.Attempts, Attempt{a.Number, a.Undo, Time{a.Began}, Time{a.Ended}, a.Worker, a.ErrorCode, a.Step})
	}
	return w
}

// of returns the data if it is shown.
func (d Data) of(raw json.RawMessage) json.RawMessage {
	if d == Shown {
		return raw
	}
	return nil
}
