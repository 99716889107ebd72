package bluegreen_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/task"
)

func TestTheSwitchAsInScenarioThree(t *testing.T) {
	t.Parallel()
	l := newLab(t, bluegreen.Config{})
	run := executortest.NewRun(t)
	if err := run.Execute(l); err != nil {
		t.Fatal(err)
	}
	l.wantTenant(t, "blue", "BLUE")
	saved := run.Saved()
	last := saved[len(saved)-1]
	want := `{"completedSteps":["GET_TENANT_INFO","SWITCH_GATEWAY"],` +
		`"tenant":{"id":"tenant1","name":"One","status":"GREEN"},"foundColour":"green","targetColour":"blue"}`
	if last.Step != "SWITCHED" || string(last.Data) != want {
		t.Errorf("last saved %s %s", last.Step, last.Data)
	}
	var changes []string
	for _, c := range l.Calls(tenantID, bluegreentest.Switch, bluegreentest.Status) {
		changes = append(changes, string(c.Op)+" "+c.To+" "+c.Key)
	}
	if got := strings.Join(changes, ", "); got != "switch blue 1000001/SWITCH_GATEWAY, status BLUE 1000001/UPDATE_STATUS" {
		t.Errorf("changes: %s", got)
	}
}

func TestTheFailureIsScenarioFour(t *testing.T) {
	t.Parallel()
	l := newLabWithin(t, hasty, bluegreen.Config{})
	l.Inject(tenantID, bluegreentest.Switch, bluegreentest.TimeOut, 1)
	run := executortest.NewRun(t)
	at := time.Date(2025, 11, 22, 10, 15, 30, 0, time.UTC)
	info := executor.FailureOf(run.Execute(l), at, 1, "")
	if want := (task.FailureInfo{
		Reason: "Gateway API timeout", ErrorCode: "GATEWAY_TIMEOUT", Timestamp: at,
		Step: "SWITCH_GATEWAY", Attempt: 1, Retryable: true,
	}); info != want {
		t.Errorf("failed with %+v", info)
	}
	l.heal(t, bluegreen.Config{})
	c := run.Task().Checkpoint
	var data struct {
		CompletedSteps []string `json:"completedSteps"`
		FailedStep     string   `json:"failedStep"`
	}
	if err := json.Unmarshal(c.Data, &data); err != nil {
		t.Fatal(err)
	}
	if c.Step != "SWITCH_GATEWAY" || len(data.CompletedSteps) != 1 || data.CompletedSteps[0] != "GET_TENANT_INFO" || data.FailedStep != "SWITCH_TO_BLUE" {
		t.Errorf("checkpoint %s %s", c.Step, c.Data)
	}

	// Scenario 5: a retry from the checkpoint does not ask for the tenant a second time.
	if err := run.Again(executortest.Attempt(2)).Execute(l); err != nil {
		t.Fatal(err)
	}
	l.wantTenant(t, "blue", "BLUE")
	calls := l.Calls(tenantID, bluegreentest.Info, bluegreentest.Switch)
	if calls[0].Op != bluegreentest.Info || calls[1].Op != bluegreentest.Switch || calls[2].Op != bluegreentest.Switch {
		t.Errorf("calls %+v", calls)
	}
}

func TestAFailedTaskRollsBackFromWhereItIs(t *testing.T) {
	t.Parallel()
	for op, fault := range map[bluegreentest.Op]bluegreentest.Fault{
		bluegreentest.Info:   bluegreentest.Refuse,
		bluegreentest.Switch: bluegreentest.TimeOutAfter,
		bluegreentest.Status: bluegreentest.TimeOutAfter,
	} {
		t.Run(string(op), func(t *testing.T) {
			t.Parallel()
			l := newLabWithin(t, hasty, bluegreen.Config{})
			l.Inject(tenantID, op, fault, 1)
			run := executortest.NewRun(t)
			if err := run.Execute(l); err == nil {
				t.Fatal("no failure")
			}
			l.heal(t, bluegreen.Config{})
			if err := run.Again().Rollback(l); err != nil {
				t.Fatal(err)
			}
			l.wantTenant(t, "green", "GREEN")
		})
	}
}

func TestWhatIsAgreedToHasToHappen(t *testing.T) {
	t.Parallel()
	l := newLab(t, bluegreen.Config{})
	l.Inject(tenantID, bluegreentest.Switch, bluegreentest.Ignore, 1)
	run := executortest.NewRun(t)
	wantFailure(t, run.Execute(l), bluegreen.CodeSwitchNotConfirmed, true)
	run = run.Again()
	l.Inject(tenantID, bluegreentest.Status, bluegreentest.Ignore, 1)
	if info := wantFailure(t, run.Execute(l), bluegreen.CodeStatusNotConfirmed, true); info.Step != "UPDATE_STATUS" {
		t.Errorf("failed in step %s", info.Step)
	}
	run = run.Again()
	if err := run.Execute(l); err != nil {
		t.Fatal(err)
	}
	back := run.FromScratch()
	l.Inject(tenantID, bluegreentest.Status, bluegreentest.Ignore, 1)
	info := wantFailure(t, back.Rollback(l), bluegreen.CodeStatusNotConfirmed, true)
	if info.Step != "UNDO_UPDATE_STATUS" {
		t.Errorf("failed in step %s", info.Step)
	}
	l.Inject(tenantID, bluegreentest.Switch, bluegreentest.Ignore, 1)
	back = back.Again()
	wantFailure(t, back.Rollback(l), bluegreen.CodeSwitchNotConfirmed, true)
	if err := back.Again().Rollback(l); err != nil {
		t.Fatal(err)
	}
	l.wantTenant(t, "green", "GREEN")
}

func TestRetryWithinAnAttempt(t *testing.T) {
	t.Parallel()
	l := newLabWithin(t, hasty, bluegreen.Config{Retry: executor.Retry{Attempts: 3, First: time.Millisecond}})
	l.Inject(tenantID, bluegreentest.Switch, bluegreentest.Unavailable, 1)
	l.Inject(tenantID, bluegreentest.Switch, bluegreentest.TimeOutAfter, 1)
	if err := executortest.NewRun(t).Execute(l); err != nil {
		t.Fatal(err)
	}
	l.wantTenant(t, "blue", "BLUE")
	if n := len(l.Calls(tenantID, bluegreentest.Switch)); n != 3 { // sent again after the timeout, because it may have had no effect
		t.Errorf("switched %d times", n)
	}
}

func TestTheTargetIsAParameterAndStays(t *testing.T) {
	t.Parallel()
	l := newLab(t, bluegreen.Config{})
	unknown := executortest.NewRun(t, executortest.Params(map[string]string{bluegreen.ParamTarget: "pink"}))
	wantFailure(t, unknown.Execute(l), bluegreen.CodeTargetUnknown, false)
	if err := unknown.Again().Rollback(l); err != nil {
		t.Errorf("rolling back what did nothing: %v", err)
	}

	l.Inject(tenantID, bluegreentest.Status, bluegreentest.Refuse, 1)
	run := executortest.NewRun(t)
	if err := run.Execute(l); err == nil {
		t.Fatal("no failure")
	}
	l.restart(t, bluegreen.Config{Target: "green"}) // another default
	run = run.Again()
	if err := run.Execute(l); err != nil {
		t.Fatal(err)
	}
	l.wantTenant(t, "blue", "BLUE")
	l.restart(t, bluegreen.Config{Colours: []string{"red"}})
	wantFailure(t, run.FromScratch().Rollback(l), bluegreen.CodeTargetUnknown, false)
}

func TestATenantAlreadyThereIsLeftThere(t *testing.T) {
	t.Parallel()
	l := newLab(t, bluegreen.Config{})
	there := bluegreentest.Tenant{ID: tenantID, Colour: "blue", Status: "BLUE"}
	l.Put(there)
	run := executortest.NewRun(t)
	if err := run.Execute(l); err != nil {
		t.Fatal(err)
	}
	if err := run.FromScratch().Rollback(l); err != nil {
		t.Fatal(err)
	}
	if l.Tenant(tenantID) != there {
		t.Errorf("tenant %+v", l.Tenant(tenantID))
	}
	for _, c := range l.Calls(tenantID, bluegreentest.Switch) {
		if c.To != "blue" {
			t.Errorf("it was switched to %s", c.To)
		}
	}
}

// odd is a gateway that returns no route for a tenant.
type odd struct{ bluegreen.Gateway }

func (odd) Current(context.Context, string) (string, error) { return "", nil }

func TestATenantWithoutAColourIsNotMoved(t *testing.T) {
	t.Parallel()
	l := newLab(t, bluegreen.Config{})
	e, err := bluegreen.New(l.tenants, odd{l.gateway}, bluegreen.Config{})
	if err != nil {
		t.Fatal(err)
	}
	wantFailure(t, executortest.NewRun(t).Execute(e), bluegreen.CodeColourUnknown, false)
	l.wantTenant(t, "green", "GREEN")
}
