package wire

import (
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Event is an entry of a plan's log.
type Event struct {
	Seq         int64        `json:"seq"`
	At          Time         `json:"at"`
	PlanID      plan.ID      `json:"planId"`
	TaskID      task.ID      `json:"taskId,omitzero"`
	TenantID    string       `json:"tenantId,omitempty"`
	Cause       string       `json:"cause"`
	From        string       `json:"from,omitempty"`
	To          string       `json:"to"`
	Wave        int          `json:"wave,omitzero"`
	Filter      string       `json:"filter,omitempty"`
	Attempt     int          `json:"attempt,omitzero"`
	Actor       string       `json:"actor,omitempty"`
	Reason      string       `json:"reason,omitempty"`
	StayStopped bool         `json:"stayStopped,omitzero"`
	FailureInfo *FailureInfo `json:"failureInfo,omitempty"`
	AtRest      bool         `json:"atRest,omitzero"`
}

// EventOf returns an event.
func EventOf(e *plan.Event) Event {
	return Event{
		Seq: e.Seq, At: Time{e.At}, PlanID: e.Plan, TaskID: e.Task, TenantID: e.Tenant, Cause: e.Cause, From: e.From, To: e.To,
		Wave: e.Wave, Filter: e.Filter, Attempt: e.Attempt, Actor: e.Actor, Reason: e.Reason, StayStopped: e.StayStopped, FailureInfo: failureOf(e.Failure), AtRest: e.AtRest,
	}
}
