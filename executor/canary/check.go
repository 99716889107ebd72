package canary

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/task"
)

// tally counts the checks at one step that did not pass.
type tally struct {
	Failed       int `json:"failed"`
	Inconclusive int `json:"inconclusive"`
	Missing      int `json:"missing"`
	// WaitedMillis is how long the task has waited between these checks, at least.
	WaitedMillis int64 `json:"waitedMillis,omitempty"`
	// Seen are what the last checks saw, the newest last.
	Seen []string `json:"seen,omitempty"`
}

// verdict is why the weight is to be put back.
type verdict struct {
	Code   string `json:"errorCode"`
	Reason string `json:"reason"`
	// Step is the step of the last check.
	Step string `json:"step"`
}

// failure returns the failure of a task whose weight was put back to what it was.
func (v *verdict) failure(weight int) error {
	return &executor.Error{
		Code: v.Code, Step: v.Step, Retryable: v.Code == CodeHealthMissing,
		Err: fmt.Errorf("%s; the weight was put back to %d percent", v.Reason, weight),
	}
}

// Bounds of what a check adds to a checkpoint and a failure.
const (
	maxSeen    = 3
	maxFigures = 16
	maxName    = 64
	maxReason  = 256
	// maxVerdict leaves room for the end of a failure, which says where the weight is.
	maxVerdict = task.MaxReason - 64
)

// check checks the health. It returns nil if the check passed. Otherwise it begins the wait for the
// next check or, beyond a limit, puts the weight back.
func (r *release) check(ctx context.Context) error {
	name := stepCheck + strconv.Itoa(r.Weight)
	r.report(name)
	found, err := r.probe(ctx, name)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && executor.FailureOf(err, time.Time{}, 0, "").ErrorCode == task.CodeTenantMovedOn:
		return r.fail(ctx, name, err)
	case err == nil && found.Verdict == Passed:
		return r.pass(ctx, name)
	}
	r.Checks.add(found, err)
	if code := r.config.Limits.exceeded(r.Checks); code != "" {
		r.Verdict = &verdict{Code: code, Reason: r.Checks.reason(r.Weight), Step: name}
		return r.condemn(ctx)
	}
	wait := min(max(r.config.Interval, executor.RetryAfter(err)), maxHold)
	r.Checks.WaitedMillis += wait.Milliseconds()
	hold := r.run.BeginHold(wait)
	r.Hold = &hold
	return r.run.SaveHold(ctx, name, r.state, hold)
}

// pass notes that a step is over. That is saved before the next weight is set, because at that
// weight the check could not be repeated.
func (r *release) pass(ctx context.Context, name string) error {
	r.complete(name)
	r.Passed = true
	if r.Raised == len(r.origin.Steps) {
		return nil
	}
	return r.save(ctx, name)
}

// condemn saves the verdict and puts the weight back. If the task is told to stop here, the weight
// is put back nevertheless: a tenant must not be left at a weight that is known to be bad.
func (r *release) condemn(ctx context.Context) error {
	r.Failed = r.Verdict.Step
	err := r.save(ctx, unhealthy)
	if err != nil && !errors.Is(err, executor.ErrStopped) {
		return err
	}
	back := r.putBack(ctx)
	if err != nil && !errors.Is(back, executor.ErrStopped) {
		return fmt.Errorf("%w: %w", err, back)
	}
	return back
}

// probe checks that the tenant has the weight that it is to be judged at, and asks for its health.
// An error means that the check is missing, unless the tenant has moved on.
func (r *release) probe(ctx context.Context, name string) (found Report, err error) {
	held := r.origin.Steps[r.Raised-1].hold() + time.Duration(r.Checks.WaitedMillis)*time.Millisecond
	asked := false
	err = r.try.Once(ctx, name, func(ctx context.Context) (err error) {
		what := "the weights"
		defer func() {
			if v := recover(); v != nil {
				r.run.Logger().Error("A check panicked", zap.String("in", what), zap.String("value", fmt.Sprint(v)), zap.ByteString("stack", debug.Stack()))
				err = fmt.Errorf("%s panicked: %v", what, v)
			}
		}()
		if _, err = r.weight.Look(ctx, r.run, r.Weight); err != nil {
			return err
		}
		asked, what = true, "the health check"
		found, err = r.health.Check(ctx, Probe{TenantID: r.run.Tenant().ID, Weight: r.Weight, Held: held})
		return err
	})
	if err != nil && asked {
		// Only the weight says where a tenant is, so the health service's own code does not count.
		err = &executor.Error{Code: CodeHealthMissing, RetryAfter: executor.RetryAfter(err), Err: err}
	}
	return found, err
}

// add counts a check that did not pass.
func (t *tally) add(found Report, err error) {
	seen := found.Verdict.String()
	switch {
	case err != nil:
		seen = "missing: " + task.Cut(err.Error(), maxReason)
		t.Missing++
	case found.Verdict == Failed:
		t.Failed++
	case found.Verdict == Inconclusive:
		t.Inconclusive++
	default:
		seen = "missing: the report has no verdict"
		t.Missing++
	}
	if err == nil {
		seen += found.text()
	}
	t.Seen = append(t.Seen, seen)
	t.Seen = t.Seen[max(0, len(t.Seen)-maxSeen):]
}

// text returns the figures and the reason of a report, each preceded by a colon.
func (r Report) text() string {
	names := slices.Sorted(maps.Keys(r.Figures))
	figures := make([]string, 0, maxFigures)
	for _, name := range names[:min(len(names), maxFigures)] {
		figures = append(figures, task.Cut(name, maxName)+" "+strconv.FormatFloat(r.Figures[name], 'g', -1, 64))
	}
	text := ""
	for _, part := range []string{strings.Join(figures, ", "), task.Cut(r.Reason, maxReason)} {
		if part != "" {
			text += ": " + part
		}
	}
	return text
}

// reason says why a step is over, with as many of the last checks as there is room for. The last
// one alone always fits.
func (t tally) reason(weight int) string {
	for seen := t.Seen; ; seen = seen[1:] {
		text := fmt.Sprintf("at %d percent: %d failed, %d inconclusive, %d missing checks (%s)",
			weight, t.Failed, t.Inconclusive, t.Missing, strings.Join(seen, "; "))
		if len(text) <= maxVerdict || len(seen) <= 1 {
			return text
		}
	}
}

// exceeded returns the code of the limit that t exceeds, "" if it exceeds none.
func (l Limits) exceeded(t tally) string {
	switch {
	case t.Failed > l.Failed:
		return CodeHealthFailed
	case t.Inconclusive > l.Inconclusive:
		return CodeHealthInconclusive
	case t.Missing > l.Missing:
		return CodeHealthMissing
	}
	return ""
}
