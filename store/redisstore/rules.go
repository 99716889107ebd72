package redisstore

import (
	"strconv"
	"strings"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// rules is what scripts have to know of a plan's control. It is computed here, with
// the pure core's own functions, whenever the control changes.
type rules struct {
	state         plan.State
	grant         strategy.Grant
	claimsRunning bool
	undoOpen      bool
	rests         restRule
	ok            bool
}

// restRule says when a plan in which nothing is in flight is at rest. It is
// plan.Plan.AtRest, as far as that depends on the control.
type restRule byte

const (
	restsNever         restRule = '0' // a step is owed
	restsAllPaused     restRule = '1' // when each task left was paused individually
	restsIdle          restRule = '2'
	restsWithoutPauses restRule = '3' // when no task is paused: the rest is swept up
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

// formatRules returns the rules of p: state, claims running, what is in force for
// running tasks and for undos, at rest, undo round open, sequential, may be removed,
// the grant, the undo round.
func formatRules(p *plan.Plan) string {
	undo := p.StopFor(task.Control{State: task.RollingBack})
	quiet := *p
	quiet.Counters = plan.Counters{} // whether anything is in flight is seen by the scripts
	fields := []string{
		strconv.Itoa(int(p.State)), digit(p.State.ClaimsRunning()), strconv.Itoa(int(p.State.Stop())), strconv.Itoa(int(undo)),
		string(restRuleOf(p)), digit(p.State == plan.RollingBack && p.Undo.Open), digit(p.Sequential()), digit(quiet.Over()),
		strconv.Itoa(max(0, p.Grant.LastOrdinal)), strconv.Itoa(max(0, p.Grant.MaxSlots)), strconv.Itoa(max(0, p.Grant.MaxFailed)),
		strconv.Itoa(p.Undo.Round),
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
	var f [12]int64
	ok := parseNumbers(s, f[:])
	return rules{
		state:         plan.State(f[0]),
		grant:         strategy.Grant{LastOrdinal: int(f[8]), MaxSlots: int(f[9]), MaxFailed: int(f[10])},
		claimsRunning: f[1] == 1, undoOpen: f[5] == 1, rests: restRule('0' + f[4]),
		ok: ok && f[0] >= 0 && f[0] < int64(plan.NumStates),
	}
}

// facts is plan.Facts and what else scripts keep current: the ten counters, held,
// breached, dry, the next pending ordinal, the last event, the undo round's place,
// whether any task was touched before its turn, the first ordinal that was never the
// next pending one, the oldest event that must be kept, and how many entries order has.
type facts struct {
	plan.Facts
	nextPending, undoAt int
	ok                  bool
}

func parseFacts(s string) (f facts) {
	var v [20]int64
	f.ok = parseNumbers(s, v[:])
	for i := range f.Counters.States {
		f.Counters.States[i] = int(v[i])
	}
	f.Counters.Held = int(v[10])
	f.Breached, f.UndosExhausted, f.LastEvent = v[11] == 1, v[12] == 1, v[14]
	f.nextPending, f.undoAt = int(v[13]), int(v[15])
	return f
}

// claimable reports whether a claim would find tasks, as commit.lua does. It cannot
// be sure if tasks wait for a worker of which it matters whether they are undos.
func claimable(r *rules, f *facts) (yes, sure bool) {
	c := &f.Counters
	if c.Held >= r.grant.MaxSlots {
		return false, true
	}
	pending := !f.Breached && !r.state.CancelsPending() && c.Of(task.Failed) <= r.grant.MaxFailed &&
		c.Of(task.Pending) > 0 && f.nextPending <= min(r.grant.LastOrdinal, c.Total())
	if pending || r.undoOpen && !f.UndosExhausted && f.undoAt > 0 {
		return true, true
	}
	loose := c.InFlight() - c.Held
	return loose > 0 && r.claimsRunning, loose <= 0 || r.claimsRunning || c.Of(task.RollingBack) == 0
}

// parseNumbers reads exactly len(to) numbers with spaces between them.
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
