package ops

import (
	"net/http"

	"github.com/cutover-go/cutover/plan"
)

// Caller is who sent a request, and what he may do.
type Caller interface {
	// Actor is the name that the events of commands record, at most 256 bytes.
	Actor() string
	// May reports whether the caller may do something with a plan and its tasks. p is nil if the
	// question is about all plans. [Create] is first asked with nil, before the body of a creation
	// or a preview is read: whether the caller may create any plan. Then it is asked with the
	// content of the spec, which has no ID. May is called several times for each plan of an answer,
	// so it must not ask another service; p must not be changed.
	May(a Action, p *plan.Plan) bool
}

// Action is something that a caller may be allowed to do.
type Action string

// The actions. A command on a task is the same action as the command of that name on its plan.
const (
	// View is to see plans, tasks and events. What a caller may not view does not exist for it.
	View Action = "view"
	// ViewData is to see what may be confidential: checkpoints, undo logs and parameters.
	ViewData Action = "viewData"
	// Create is to create a plan, and to preview one.
	Create   Action = "create"
	Start    Action = "start"
	Pause    Action = "pause"
	Resume   Action = "resume"
	Cancel   Action = "cancel"
	Retry    Action = "retry"
	Rollback Action = "rollback"
	Tune     Action = "tune"
	// Add is to add tenants to a plan. To exclude tenants is to skip their tasks.
	Add     Action = "add"
	Approve Action = "approve"
	Reject  Action = "reject"
	Skip    Action = "skip"
	// Note is to write something down among the events of a plan.
	Note Action = "note"
	// Delete is to remove a plan that is over.
	Delete Action = "delete"
	// Notify is to test a notifier, and to send its dead letters again; it is asked without a plan.
	Notify Action = "notify"
)

// Actions returns all actions.
func Actions() []Action {
	return []Action{View, ViewData, Create, Start, Pause, Resume, Cancel, Retry, Rollback, Tune, Add, Approve, Reject, Skip, Note, Delete, Notify}
}

// AllowAll is an Authenticate for trials on a local machine: every request comes from actor, who
// may do everything.
func AllowAll(actor string) func(*http.Request) (Caller, error) {
	return func(*http.Request) (Caller, error) { return operator(actor), nil }
}

// operator is a caller who may do everything.
type operator string

func (o operator) Actor() string { return string(o) }

func (operator) May(Action, *plan.Plan) bool { return true }

// ReadOnly returns authenticate with all commands taken away: its callers may view what they could
// view before, and do nothing.
func ReadOnly(authenticate func(*http.Request) (Caller, error)) func(*http.Request) (Caller, error) {
	return func(r *http.Request) (Caller, error) {
		c, err := authenticate(r)
		if err != nil || c == nil {
			return nil, err
		}
		return reader{c}, nil
	}
}

// reader is a caller who may only view.
type reader struct{ Caller }

func (r reader) May(a Action, p *plan.Plan) bool {
	return (a == View || a == ViewData) && r.Caller.May(a, p)
}
