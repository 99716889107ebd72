package rules

import "github.com/cutover-go/cutover/task"

// shift moves a task to a state, a claim (0 for none) and a request, and updates counters and
// version. The task is not Waiting after it.
func (p *Plan) shift(ordinal uint32, t *Task, to task.State, claim uint32, asked task.Request) {
	stays := claim != 0 && claim == t.Claim
	if !stays {
		p.leave(t)
	}
	from := p.StateOf(t)
	p.Counters.Move(from, to)
	p.countInWave(ordinal, from, to)
	t.State, t.Claim, t.Request = to, claim, asked
	t.Version++
	switch {
	case stays:
	case claim != 0:
		p.Counters.Held++
	case to.InFlight():
		p.Counters.Unhold(asked, 1)
	}
}

// leave uncounts a task in its place.
func (p *Plan) leave(t *Task) {
	switch {
	case t.Claim != 0:
		p.Counters.Held--
		p.Marks.Releases++
		t.Released = p.Marks.Releases
	case t.State.InFlight():
		p.Counters.Unhold(t.Request, -1)
		if t.Waiting {
			t.Waiting = false
			p.Counters.Waiting--
		}
	}
}

// park makes a task that no worker holds wait: it takes a slot until it is due, so it has started.
func (p *Plan) park(t *Task) {
	p.Counters.Unhold(t.Request, -1)
	if t.Request == task.StartRequest {
		t.Request = task.NoRequest
	}
	p.Counters.Unhold(t.Request, 1)
	t.Waiting = true
	p.Counters.Waiting++
}

// countInWave counts, in its wave, a task that goes from one state to another.
func (p *Plan) countInWave(ordinal uint32, from, to task.State) {
	if len(p.Waves) == 0 || p.State.CancelsPending() || from == to {
		return
	}
	p.WaveCounters[p.WaveOf(int(ordinal))-1].Move(from, to)
}
