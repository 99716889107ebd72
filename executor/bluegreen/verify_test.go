package bluegreen_test

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/task"
)

// TestVerifyLooksAndChangesNothing verifies a switch when the tenant is where the task has put it,
// when it is not, and when a service does not answer as it should.
func TestVerifyLooksAndChangesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before    func(*lab)
		code      string // "" for success
		retryable bool
	}{
		"there":                {},
		"of another colour":    {before: put("green", "BLUE"), code: task.CodeTenantMovedOn},
		"of another status":    {before: put("blue", "GREEN"), code: task.CodeTenantMovedOn},
		"no route":             {before: inject(bluegreentest.Current, bluegreentest.Unavailable, 3), code: "GATEWAY_UNAVAILABLE", retryable: true},
		"no status":            {before: inject(bluegreentest.Info, bluegreentest.Unavailable, 3), code: "TENANT_SERVICE_UNAVAILABLE", retryable: true},
		"a login page":         {before: inject(bluegreentest.Current, bluegreentest.Login, 1), code: "GATEWAY_BAD_ANSWER"},
		"at the third attempt": {before: inject(bluegreentest.Info, bluegreentest.Unavailable, 2)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, bluegreen.Config{Retry: executor.Retry{Attempts: 3, First: time.Millisecond}})
			run := executortest.NewRun(t)
			if err := run.Execute(l); err != nil {
				t.Fatal(err)
			}
			changes := len(l.Calls(tenantID, bluegreentest.Switch, bluegreentest.Status))
			l.restart(t, bluegreen.Config{Target: "green", Retry: executor.Retry{Attempts: 3, First: time.Millisecond}}) // the task keeps its target
			if c.before != nil {
				c.before(l)
			}
			err := run.Again().Verify(l)
			if c.code == "" && err != nil {
				t.Errorf("Verify: %v", err)
			}
			if c.code != "" {
				if info := wantFailure(t, err, c.code, c.retryable); info.Step != "VERIFY" {
					t.Errorf("failed in step %s", info.Step)
				}
			}
			if n := len(l.Calls(tenantID, bluegreentest.Switch, bluegreentest.Status)); n != changes {
				t.Errorf("%d changes by Verify", n-changes)
			}
		})
	}
}

func put(colour, status string) func(*lab) {
	return func(l *lab) { l.Put(bluegreentest.Tenant{ID: tenantID, Colour: colour, Status: status}) }
}

func inject(op bluegreentest.Op, fault bluegreentest.Fault, times int) func(*lab) {
	return func(l *lab) { l.Inject(tenantID, op, fault, times) }
}

func TestATargetThatIsGoneCannotBeVerified(t *testing.T) {
	t.Parallel()
	l := newLab(t, bluegreen.Config{})
	run := executortest.NewRun(t)
	if err := run.Execute(l); err != nil {
		t.Fatal(err)
	}
	l.restart(t, bluegreen.Config{Colours: []string{"red"}})
	wantFailure(t, run.Again().Verify(l), bluegreen.CodeTargetUnknown, false)
}
