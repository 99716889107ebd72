package redisstore

import (
	"strconv"
	"strings"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// rules is the part of a plan's control that scripts need. It is computed with the functions of
// package plan whenever the control changes.
type rules struct {
	state         plan.State
	grant         strategy.Grant
	claimsRunning bool
	undoOpen      bool
	rests         restRule
	ok            bool
}

// restRule determines when a plan without tasks in flight is at rest. It is the part of
// plan.Plan.AtRest that depends on the control.
type restRule byte

const (
	restsNever         restRule = '0' // the engine still has to do something
	restsAllPaused     restRule = '1' // if every remaining task was paused individually
	restsIdle          restRule = '2' // always
	restsWithoutPauses restRule = '3' // if no task is paused: the engine cancels paused tasks
)

func restRuleOf(p *plan.Plan) restRule {
	switch {
	case len(p.Sweeps) > 0 || p.Starting != nil || p.State == plan.RollingBack:
		return restsNever
	case p.State == plan.Running:
		return restsAllPaused
	case p.State == plan.Canceled:
		return restsWithoutPauses
	}
	return restsIdle
}

// formatRules returns the stored form of the rules of p: state, whether running tasks are claimed,
// the stop request in force for running tasks and for undos, rest rule, whether an undo round is
// open, whether the plan is sequential, whether it may be removed when it is at rest, the grant
// (four numbers), the number of the undo round.
func formatRules(p *plan.Plan) string {
	undo := p.StopFor(task.Control{State: task.RollingBack})
	quiet := *p
	quiet.Counters = plan.Counters{} // the scripts check whether tasks are in flight or paused
	fields := []string{
		strconv.Itoa(int(p.State)), digit(p.State.ClaimsRunning()), strconv.Itoa(int(p.State.Stop())), strconv.Itoa(int(undo)),
		string(restRuleOf(p)), digit(p.State == plan.RollingBack && p.Undo.Open), digit(p.Sequential()), digit(quiet.Over()),
		strconv.Itoa(max(0, p.Grant.LastOrdinal)), strconv.Itoa(max(0, p.Grant.MaxSlots)), strconv.Itoa(max(0, p.Grant.MaxFailed)),
		digit(p.Grant.Strict), strconv.Itoa(p.Undo.Round),
	}
	return strings.Join(fields, " ")
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func parseRules(s string) rules {
	var f [13]int64
	ok := parseNumbers(s, f[:])
	return rules{
		state:         plan.State(f[0]),
		grant:         strategy.Grant{LastOrdinal: int(f[8]), MaxSlots: int(f[9]), MaxFailed: int(f[10]), Strict: f[11] == 1},
		claimsRunning: f[1] == 1, undoOpen: f[5] == 1, rests: restRule('0' + f[4]),
		ok: ok && f[0] >= 0 && f[0] < int64(plan.NumStates),
	}
}

// facts is plan.Facts and the other values that scripts keep current. The stored form is: the ten
// counters, held, breached, whether the undo round has no further task, the next pending ordinal,
// the last event, the place of the undo round, whether any task was touched before its turn, the
// first ordinal that has not been reached in its turn, the oldest event that must still exist, the
// number of entries of order, the number of tasks that are waiting, and when the first of them is
// due.
type facts struct {
	plan.Facts
	nextPending, undoAt int
	ok                  bool
}

func parseFacts(s string) (f facts) {
	var v [22]int64
	f.ok = parseNumbers(s, v[:])
	for i := range f.Counters.States {
		f.Counters.States[i] = int(v[i])
	}
	f.Counters.Held = int(v[10])
	f.Breached, f.UndosExhausted, f.LastEvent = v[11] == 1, v[12] == 1, v[14]
	f.Counters.Waiting, f.NextDue = int(v[20]), stamp(v[21])
	f.nextPending, f.undoAt = int(v[13]), int(v[15])
	return f
}

// claimable reports whether a claim would find tasks, by the same rules as commit.lua. sure is
// false if that depends on whether the tasks that wait for a worker are undos, which only the
// server knows. f.Now is the time on the server's clock.
func claimable(r *rules, f *facts) (yes, sure bool) {
	c := &f.Counters
	undos := c.Of(task.RollingBack) > 0
	if d, waits := f.DueIn(); waits && d == 0 && (r.claimsRunning || undos) {
		return r.claimsRunning, r.claimsRunning
	}
	if c.Slots() >= r.grant.MaxSlots {
		return false, true
	}
	pending := !f.Breached && !r.state.CancelsPending() && r.grant.Admits(c.Of(task.Failed), r.grant.MaxFailed, c.InFlight()) &&
		c.Of(task.Pending) > 0 && f.nextPending <= min(r.grant.LastOrdinal, c.Total())
	if pending || r.undoOpen && !f.UndosExhausted && f.undoAt > 0 {
		return true, true
	}
	loose := c.InFlight() - c.Slots()
	return loose > 0 && r.claimsRunning, loose <= 0 || r.claimsRunning || !undos
}

// parseNumbers parses exactly len(to) numbers, separated by single spaces, into to. It reports
// whether s has this form.
func parseNumbers(s string, to []int64) bool {
	for i := range to {
		word, rest, more := strings.Cut(s, " ")
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || more == (i == len(to)-1) {
			return false
		}
		to[i], s = n, rest
	}
	return true
}
