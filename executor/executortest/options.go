package executortest

import (
	"encoding/json"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/task"
)

// Option configures a [Run].
type Option func(*Run)

// Tenant sets the tenant's id. Default "tenant1".
func Tenant(id string) Option {
	return func(r *Run) { r.task.Tenant.ID = id }
}

// Params sets the parameters: the plan's and the tenant's, merged. Default none.
func Params(params map[string]string) Option {
	return func(r *Run) { r.task.Tenant.Parameters = params }
}

// Labels sets the tenant's labels. Default none.
func Labels(labels map[string]string) Option {
	return func(r *Run) { r.task.Tenant.Labels = labels }
}

// Attempt sets the number of the attempt. Default 1.
func Attempt(n int) Option {
	return func(r *Run) { r.task.Attempt = n }
}

// Token sets the fencing token. Default 1, and one more at each [Run.Again].
func Token(token task.Token) Option {
	return func(r *Run) { r.task.Token = token }
}

// Checkpoint sets the checkpoint from which the run continues. Data is encoded as JSON. Default:
// none, the run starts at the beginning.
func Checkpoint(step string, data any) Option {
	return func(r *Run) {
		r.task.Checkpoint = &checkpoint.Checkpoint{Step: step, Data: r.encode(data)}
	}
}

// Undo adds an entry to the undo log. Data is encoded as JSON.
func Undo(step string, data any) Option {
	return func(r *Run) {
		log, _, err := r.task.Undo.Record(checkpoint.Undo{Step: step, Data: r.encode(data)})
		if err != nil {
			r.t.Fatalf("executortest: undo entry of step %q: %v", step, err)
		}
		r.task.Undo = log
	}
}

// Limits sets the size limits of checkpoints and undo entries. Default: the engine's defaults.
func Limits(l checkpoint.Limits) Option {
	return func(r *Run) { r.limits = l }
}

// StopAt stops the run at its n-th write, from 1, and at every later one: the write is stored and
// returns an [executor.StopError]. A write is a saved checkpoint or a new undo entry.
func StopAt(n int, stop task.Stop) Option {
	return func(r *Run) { r.cut = cut{at: n, how: stopped, stop: stop} }
}

// FailAt makes the n-th write return err and store nothing. Later writes succeed.
func FailAt(n int, err error) Option {
	return func(r *Run) { r.cut = cut{at: n, how: failed, err: err} }
}

// LoseAt takes the task away before the n-th write: that write and every later one fail with
// [executor.ErrLost], as after a take-over by another worker.
func LoseAt(n int) Option {
	return func(r *Run) { r.cut = cut{at: n, how: lost} }
}

// CrashBefore ends the run at its n-th write, before that write is stored, as a crash of the
// process would; the effects before that write have happened. It ends the goroutine of the
// executor, so use it with [Run.Execute] and [Run.Rollback].
func CrashBefore(n int) Option {
	return func(r *Run) { r.cut = cut{at: n, how: crashBefore} }
}

// CrashAfter is like [CrashBefore], but the crash comes after the write has been stored.
func CrashAfter(n int) Option {
	return func(r *Run) { r.cut = cut{at: n, how: crashAfter} }
}

func (r *Run) encode(data any) json.RawMessage {
	r.t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		r.t.Fatalf("executortest: %v", err)
	}
	return raw
}
