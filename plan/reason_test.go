package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/task"
)

// explained is a task of a plan, and what Explain has to say about it.
type explained struct {
	plan plan.Plan
	task task.Task
	text string
	// params are the parameters as fmt.Sprint writes them, in the order of their names.
	params string
}

// of returns a task of plan 7.
func of(s task.State, options ...func(*task.Task)) task.Task {
	t := task.Task{ID: task.NewID(7, 3), Control: task.Control{State: s, Attempt: 2}}
	if s == task.Pending {
		t.Attempt = 0
	}
	for _, o := range options {
		o(&t)
	}
	return t
}

func heldBy(worker string) func(*task.Task) {
	return func(t *task.Task) {
		t.Worker, t.UpdatedAt, t.Checkpoint = worker, noon(), &checkpoint.Checkpoint{Step: "SWITCHED"}
	}
}

func waits(why task.WaitReason, until time.Duration) func(*task.Task) {
	return func(t *task.Task) {
		t.Waiting, t.Wait = true, task.Wait{Why: why, Until: noon().Add(until)}
	}
}

func broken(t *task.Task) {
	t.Failure = &task.FailureInfo{ErrorCode: "GATEWAY_TIMEOUT", Step: "PREPARED", Reason: "no answer"}
}

func at(now time.Duration) func(*plan.Plan) {
	return func(p *plan.Plan) { p.Now = noon().Add(now) }
}

// openedWave gives a plan two waves of which the first, of two tasks, is open.
func openedWave(ended int, gate plan.Gate) func(*plan.Plan) {
	return func(p *plan.Plan) {
		p.Now = noon()
		p.Strategy.Waves = []strategy.Wave{{BakeTime: time.Hour}, {Approval: true}}
		p.Waves = []plan.Wave{{Last: 2, MaxFailed: 5}, {Last: p.TaskCount, MaxFailed: 5}}
		p.WaveCounters = []plan.WaveCounters{{Ended: ended}, {}}
		p.Wave, p.Gate, p.Grant.LastOrdinal = 1, gate, 2
		if ended == 2 {
			p.WaveEndedAt = noon().Add(-10 * time.Minute)
		}
	}
}

// atNight gives a plan windows that are open from one to three at night.
func atNight(p *plan.Plan) {
	p.Now = noon()
	p.Strategy.Windows = []window.Window{{Kind: window.Allow, Zone: "UTC", From: window.TimeOfDay{Hour: 1}, To: window.TimeOfDay{Hour: 3}}}
	p.Grant.NotBefore = noon().Add(13 * time.Hour)
}

func strictly(p *plan.Plan) { p.Grant.Strict = true }

// explanations has at least one case of each code that Explain returns.
func explanations() map[plan.ReasonCode][]explained {
	work := counts{task.Pending: 4}
	return map[plan.ReasonCode][]explained{
		plan.ReasonUnclear: {
			{in(plan.Completed, counts{task.Completed: 4}), of(task.Pending), "Plan and task do not fit together: they were read while they changed.", "map[]"},
			{in(plan.Completed, counts{task.Completed: 4}), of(task.Running), "Plan and task do not fit together: they were read while they changed.", "map[]"},
		},
		plan.ReasonMayStart: {
			{in(plan.Running, work), of(task.Pending), "Nothing holds it back; a worker takes it in its turn (0 of 1 slots are taken).", "map[maxSlots:1 slots:0]"},
			{
				in(plan.Failed, counts{task.Running: 1}, waitingPlan(0, 1, 0)), of(task.Running, waits(task.WaitHold, 0)),
				"Nothing holds it back; a worker takes it in its turn (1 of 1 slots are taken).", "map[maxSlots:1 slots:1]",
			},
			{in(plan.RollingBack, counts{task.Completed: 4}), of(task.Completed), "Nothing holds it back; a worker takes it in its turn (0 of 1 slots are taken).", "map[maxSlots:1 slots:0]"},
		},
		plan.ReasonRunning: {
			{
				in(plan.Running, counts{task.Running: 1}), of(task.Running, heldBy("w1")),
				"Worker w1 runs attempt 2 of it; its last change was at 2026-03-01T12:00:00Z, its last step SWITCHED.",
				"map[attempt:2 changedAt:2026-03-01 12:00:00 +0000 UTC step:SWITCHED worker:w1]",
			},
			{
				in(plan.RollingBack, counts{task.RollingBack: 1}), of(task.RollingBack, heldBy("w1"), func(t *task.Task) { t.Checkpoint = nil }),
				"Worker w1 undoes it; its last change was at 2026-03-01T12:00:00Z.",
				"map[attempt:2 changedAt:2026-03-01 12:00:00 +0000 UTC worker:w1]",
			},
		},
		plan.ReasonStopping: {
			{
				in(plan.Paused, counts{task.Running: 1}), of(task.Running, heldBy("w1")),
				"Worker w1, which runs attempt 2 of it, stops it at its next boundary, because of a pause of the plan (its last change was at 2026-03-01T12:00:00Z, its last step SWITCHED).",
				"map[alone:false attempt:2 changedAt:2026-03-01 12:00:00 +0000 UTC step:SWITCHED stop:pause worker:w1]",
			},
			{
				in(plan.Running, counts{task.Running: 1}), of(task.Running, heldBy("w1"), func(t *task.Task) { t.Request = task.CancelRequest }),
				"Worker w1, which runs attempt 2 of it, stops it at its next boundary, because of a cancel of the task (its last change was at 2026-03-01T12:00:00Z, its last step SWITCHED).",
				"map[alone:true attempt:2 changedAt:2026-03-01 12:00:00 +0000 UTC step:SWITCHED stop:cancel worker:w1]",
			},
			{
				in(plan.Canceled, counts{task.Running: 1}), of(task.Running),
				"It stops when an engine next looks at it, because of a cancel of the plan.", "map[alone:false attempt:2 stop:cancel]",
			},
		},
		plan.ReasonDone: {
			{in(plan.Running, work), of(task.Skipped), "Nothing more is to be done: the task is SKIPPED.", "map[taskState:SKIPPED]"},
			{in(plan.Canceled, counts{task.Canceled: 4}), of(task.Pending), "Nothing more is to be done: the task is PENDING.", "map[taskState:PENDING]"},
		},
		plan.ReasonNotStarted: {{in(plan.Created, work), of(task.Pending), "The plan has not been started.", "map[]"}},
		plan.ReasonStarting: {
			{in(plan.Created, work, markedStarting), of(task.Pending), "The plan is being started by ann: its tenants are being locked.", "map[actor:ann]"},
		},
		plan.ReasonPlanPaused: {
			{in(plan.Paused, work), of(task.Pending), "The plan is paused (hand); a resume continues it.", "map[pauseReasons:[hand]]"},
			{in(plan.Paused, counts{task.Paused: 4}), of(task.Paused), "The plan is paused (hand); a resume continues it.", "map[pauseReasons:[hand]]"},
		},
		plan.ReasonPlanFailed: {
			{
				in(plan.Failed, counts{task.Pending: 1, task.Failed: 6}), of(task.Pending),
				"The plan is FAILED: 6 failed, 5 tolerated; it waits for a command.", "map[failed:6 tolerated:5]",
			},
			{
				in(plan.Failed, counts{task.Paused: 1, task.Failed: 6}), of(task.Paused),
				"The plan is FAILED: 6 failed, 5 tolerated; it waits for a command.", "map[failed:6 tolerated:5]",
			},
		},
		plan.ReasonPlanRollbackFailed: {
			{in(plan.RollbackFailed, counts{task.Paused: 4}), of(task.Paused), "The rollback of the plan failed or was canceled; it waits for a command.", "map[]"},
		},
		plan.ReasonBreach: {
			{
				in(plan.Running, counts{task.Pending: 1, task.Failed: 6}, breached), of(task.Pending),
				"6 failed, 5 tolerated: the plan is about to act on it.", "map[failed:6 tolerated:5]",
			},
			{in(plan.Running, counts{task.Pending: 3, task.Failed: 1}, openedWave(1, 0), breached, func(p *plan.Plan) {
				p.WaveCounters[0].Failed, p.Waves[0].MaxFailed = 1, 0
			}), of(task.Pending), "1 failed in wave 1, 0 tolerated: the plan is about to act on it.", "map[failed:1 tolerated:0 wave:1]"},
		},
		plan.ReasonSweep: {
			{
				in(plan.Running, counts{task.Pending: 1, task.Failed: 3}, retrySweep), of(task.Failed),
				"A command on many tasks (retry) is being carried out.", "map[sweep:retry]",
			},
			{
				in(plan.Running, counts{task.Pending: 1, task.Paused: 3}, resumeSweep), of(task.Pending),
				`A command on many tasks (resume) by bob ("all clear") is being carried out.`, "map[actor:bob reason:all clear sweep:resume]",
			},
		},
		plan.ReasonWave: {
			{in(plan.Running, work, openedWave(1, 0)), of(task.Pending), "It is in wave 2; tasks left in wave 1: 1.", "map[left:1 open:1 wave:2]"},
		},
		plan.ReasonBake: {
			{in(plan.Running, work, openedWave(2, 0)), of(task.Pending), "Wave 1 bakes until 2026-03-01T12:50:00Z.", "map[until:2026-03-01 12:50:00 +0000 UTC wave:1]"},
		},
		plan.ReasonApproval: {
			{in(plan.Running, work, openedWave(2, plan.GateApproval)), of(task.Pending), "Wave 2 waits for an approval.", "map[wave:2]"},
		},
		plan.ReasonWindow: {
			{
				in(plan.Running, work, atNight), of(task.Pending),
				"The maintenance windows are closed; they open at 2026-03-02T01:00:00Z.", "map[until:2026-03-02 01:00:00 +0000 UTC]",
			},
			{
				in(plan.Running, work, atNight, func(p *plan.Plan) { p.Strategy.Windows[0].Dates = []window.DateRange{window.OnDate(2020, 1, 1)} }), of(task.Pending),
				"The maintenance windows are closed, and no next opening is known.", "map[]",
			},
			{
				in(plan.Running, work, atNight, inNowhere), of(task.Pending),
				"The maintenance windows are closed; they open at 2026-03-02T01:00:00Z.", "map[until:2026-03-02 01:00:00 +0000 UTC]",
			},
			{
				in(plan.Running, work, atNight, inNowhere, func(p *plan.Plan) { p.Grant.LastOrdinal = 0; p.Grant.NotBefore = time.Time{} }), of(task.Pending),
				"The maintenance windows are closed, and no next opening is known.", "map[]",
			},
		},
		plan.ReasonStrict: {
			{
				in(plan.Running, counts{task.Pending: 1, task.Running: 4, task.Failed: 2}, strictly), of(task.Pending),
				"The plan tolerates 5 failures; 2 failed, and 4 in flight may still fail.", "map[failed:2 inFlight:4 tolerated:5]",
			},
			{in(plan.Running, counts{task.Pending: 3, task.Running: 1}, openedWave(0, 0), strictly, func(p *plan.Plan) {
				p.Waves[0].MaxFailed, p.Grant.LastOrdinal = 0, 4
			}), of(task.Pending), "Wave 1 tolerates 0 failures; 0 failed, and 1 in flight may still fail.", "map[failed:0 inFlight:1 tolerated:0 wave:1]"},
		},
		plan.ReasonSlot: {
			{in(plan.Running, counts{task.Pending: 3, task.Running: 1}, held(1)), of(task.Pending), "All slots are taken: 1 of 1.", "map[maxSlots:1 slots:1]"},
			{in(plan.Running, counts{task.Pending: 3, task.Running: 2}, held(1)), of(task.Running), "All slots are taken: 1 of 1.", "map[maxSlots:1 slots:1]"},
		},
		plan.ReasonUndoNotOpen: {
			{in(plan.RollingBack, counts{task.Completed: 3, task.Running: 1}), of(task.Completed), "Undos begin when no task runs any more; running now: 1.", "map[inFlight:1]"},
		},
		plan.ReasonStepDue: {
			{in(plan.Running, work, openedWave(2, plan.GateBaked)), of(task.Pending), "The plan owes a step, which an engine takes soon.", "map[]"},
			{
				in(plan.Running, work, atNight, at(13*time.Hour), func(p *plan.Plan) { p.Grant.NotAfter = noon() }), of(task.Pending),
				"The plan owes a step, which an engine takes soon.", "map[]",
			},
			{in(plan.Canceled, counts{task.Paused: 4}), of(task.Paused), "The plan owes a step, which an engine takes soon.", "map[]"},
		},
		plan.ReasonHold: {
			{
				in(plan.Running, counts{task.Running: 1}, waitingPlan(0, 1, time.Hour)), of(task.Running, waits(task.WaitHold, time.Hour)),
				"Its executor continues it at 2026-03-01T13:00:00Z.", "map[until:2026-03-01 13:00:00 +0000 UTC]",
			},
		},
		plan.ReasonBackoff: {
			{
				in(plan.Running, counts{task.Running: 1}, waitingPlan(0, 1, time.Hour)), of(task.Running, waits(task.WaitBackoff, time.Hour), broken),
				"Attempt 2 begins at 2026-03-01T13:00:00Z, because the last one failed with GATEWAY_TIMEOUT.",
				"map[attempt:2 errorCode:GATEWAY_TIMEOUT failure:no answer step:PREPARED until:2026-03-01 13:00:00 +0000 UTC]",
			},
		},
		plan.ReasonProving: {
			{
				in(plan.Running, counts{task.Running: 1}, waitingPlan(0, 1, time.Hour)), of(task.Running, waits(task.WaitProving, time.Hour)),
				"It has succeeded, and counts as completed at 2026-03-01T13:00:00Z if it stays good.", "map[until:2026-03-01 13:00:00 +0000 UTC]",
			},
		},
		plan.ReasonQuota: {
			{
				in(plan.Running, counts{task.Running: 1}, waitingPlan(0, 1, time.Hour)), of(task.Running, waits(task.WaitPlace, time.Hour)),
				"It waits for a place in a quota of its plan.", "map[]",
			},
		},
		plan.ReasonTaskPaused: {
			{
				in(plan.Paused, counts{task.Paused: 1}), of(task.Paused, func(t *task.Task) { t.PausedIndividually = true }),
				"The task was paused; a resume or a retry of the task continues it.", "map[]",
			},
		},
		plan.ReasonFailed: {
			{
				in(plan.Running, counts{task.Failed: 1}), of(task.Failed, broken), "It failed with GATEWAY_TIMEOUT; a retry, a skip, a cancel or a rollback is needed.",
				"map[errorCode:GATEWAY_TIMEOUT failure:no answer step:PREPARED]",
			},
		},
		plan.ReasonUndoFailed: {
			{
				in(plan.RollbackFailed, counts{task.RollbackFailed: 1}), of(task.RollbackFailed, broken), "Its undo failed with GATEWAY_TIMEOUT; a rollback or a skip is needed.",
				"map[errorCode:GATEWAY_TIMEOUT failure:no answer step:PREPARED]",
			},
			{
				in(plan.RollingBack, counts{task.RollbackFailed: 1}), of(task.RollbackFailed, broken),
				"Its undo failed with GATEWAY_TIMEOUT; if that was before the rollback under way, it is tried again.",
				"map[errorCode:GATEWAY_TIMEOUT failure:no answer step:PREPARED]",
			},
			{
				undoesWaveTwo(), of(task.RollbackFailed, broken),
				"Its undo failed with GATEWAY_TIMEOUT; if that was before the rollback under way, it is tried again.",
				"map[errorCode:GATEWAY_TIMEOUT failure:no answer step:PREPARED wave:2]",
			},
		},
	}
}

// undoesWaveTwo returns a failed plan whose open wave is being undone.
func undoesWaveTwo() plan.Plan {
	p := inState(plan.Failed)
	p.Undo = plan.Undo{Round: 2, First: 3, Last: 4, Open: true}
	become(&p, 2, 1, task.Pending, task.RollbackFailed)
	return p
}

func resumeSweep(p *plan.Plan) {
	p.Sweeps, p.Grant.LastOrdinal = []plan.Sweep{{Kind: plan.SweepResume, Actor: "bob", Reason: "all clear"}}, 0
}

// inNowhere moves the windows of a plan to a zone that this host does not know.
func inNowhere(p *plan.Plan) { p.Strategy.Windows[0].Zone = "Nowhere/Land" }

func TestExplain(t *testing.T) {
	t.Parallel()
	all := explanations()
	for c := range plan.ReasonTenantHeld { // the last codes need more than the plan and the task
		if len(all[c]) == 0 {
			t.Errorf("no case of %s", c)
		}
		for i, x := range all[c] {
			r := x.plan.Explain(x.task)
			if r.Code != c || r.Task != x.task.ID || r.TaskState != x.task.State || r.PlanState != x.plan.State || r.Attempt != x.task.Attempt {
				t.Errorf("%s, case %d: %s, of %+v", c, i, r.Code, r)
			}
			if got := r.String(); got != x.text {
				t.Errorf("%s, case %d: says %q\nwant %q", c, i, got, x.text)
			}
			if got := fmt.Sprint(r.Params()); got != x.params {
				t.Errorf("%s, case %d: %s\nwant %s", c, i, got, x.params)
			}
		}
	}
}
