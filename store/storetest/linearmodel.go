package storetest

import (
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// linInput is an operation, linOutput its answer.
type linInput struct {
	op      string // claim, save, complete, yield, hold, prove, pause, resume, lose, plan, task
	limit   int    // of a claim
	task    int
	token   task.Token
	seq     uint32
	version uint64 // of the plan that a command is based on
}

type linOutput struct {
	claimed  []linClaimed
	refused  bool // fenced, or a conflict
	repeated bool // it was sent more than once: its other values may be of a later time
	stop     task.Stop
	paused   bool
	version  uint64
	counters plan.Counters
	seen     linTask
}

type linClaimed struct {
	task  int
	token task.Token
}

// linPlan is the sequential model of a plan. It accepts any tokens that the store assigns, as long
// as the tokens of each task rise.
type linPlan struct {
	paused  bool
	version uint64
	tasks   [linTasks]linTask
}

type linTask struct {
	state task.State
	held  bool
	// A hold is over at once. Proving a success takes longer than the test.
	wait    task.WaitReason
	waiting bool
	token   task.Token
	seq     uint32 // of the last save, which is the data of its checkpoint
}

// linStarted is the version of a plan that was marked and started.
const linStarted = 3

func linModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return linPlan{version: linStarted} },
		Step: func(state, input, output any) (bool, any) {
			p, _ := state.(linPlan)
			in, _ := input.(linInput)
			out, _ := output.(linOutput)
			ok := p.step(in, out)
			return ok, p
		},
	}
}

// step carries out an operation and reports whether out is a possible answer to it.
func (p *linPlan) step(in linInput, out linOutput) bool {
	t := &p.tasks[in.task]
	mine := t.held && t.token == in.token
	switch in.op {
	case "claim":
		return p.claim(in, out)
	case "save", "complete", "yield", "hold", "prove":
		if !mine || out.refused && !out.repeated {
			return out.refused && !mine
		}
		// A repeated change may be refused although it took effect: another worker has changed the
		// task since, and the task records only the last changes.
		return p.work(t, in, out)
	case "pause", "resume", "lose":
		fits := p.version == in.version && (in.op != "lose" || mine)
		if out.refused || !fits {
			return out.refused && !fits
		}
		p.version++
		if in.op == "lose" {
			t.held = false
			if p.paused {
				t.state = task.Paused
			}
		} else {
			p.paused = in.op == "pause"
		}
		return true
	case "plan":
		return out.paused == p.paused && out.version == p.version && out.counters == p.counters()
	case "task":
		return out.seen == *t
	}
	return false
}

// work carries out a change by the worker that holds the task.
func (p *linPlan) work(t *linTask, in linInput, out linOutput) bool {
	switch in.op {
	case "save":
		t.seq = in.seq
		stop := task.Go
		if p.paused {
			stop = task.StopPause
		}
		return out.repeated || out.stop == stop
	case "complete":
		t.state, t.seq, t.wait = task.Completed, 0, task.NoWait
	case "hold":
		t.wait = task.WaitHold
	case "prove":
		t.wait = task.WaitProving
	}
	t.held, t.waiting = false, in.op == "hold" || in.op == "prove"
	if p.paused && t.state == task.Running {
		t.state, t.waiting = task.Paused, false
	}
	return true
}

// claim assigns tasks: first the tasks whose wait is over, then the others in flight that nobody
// holds, then pending tasks in their order, and none while the plan is paused.
func (p *linPlan) claim(in linInput, out linOutput) bool {
	for _, c := range out.claimed {
		t := &p.tasks[c.task]
		if !slices.Contains(p.claimable(), c.task) || c.token <= t.token {
			return false
		}
		t.state, t.held, t.waiting, t.token = task.Running, true, false, c.token
	}
	return len(out.claimed) == in.limit || len(p.claimable()) == 0
}

// claimable returns the tasks of which a claim may take any as the next.
func (p *linPlan) claimable() (free []int) {
	for i, t := range p.tasks {
		if t.waiting && t.wait == task.WaitHold {
			free = append(free, i)
		}
	}
	switch {
	case p.paused:
		return nil
	case len(free) > 0 || p.counters().Slots() >= linHeld:
		return free
	}
	pending := -1
	for i, t := range p.tasks {
		switch {
		case t.state == task.Running && !t.held && !t.waiting:
			free = append(free, i)
		case t.state == task.Pending && pending < 0:
			pending = i
		}
	}
	if len(free) == 0 && pending >= 0 {
		free = []int{pending}
	}
	return free
}

func (p *linPlan) counters() (c plan.Counters) {
	for _, t := range p.tasks {
		c.States[t.state]++
		switch {
		case t.held:
			c.Held++
		case t.waiting:
			c.Waiting++
		}
	}
	return c
}
