package redisstore

import (
	"strconv"
	"strings"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// rules is the part of a plan's control that scripts need. It is computed with the functions of
// package plan whenever the control changes.
type rules struct {
	state     plan.State
	grant     strategy.Grant
	claims    claimRule
	undosStop bool // undos in flight are being stopped
	undoOpen  bool
	rests     restRule
	wave      waveRules
	ok        bool
}

// claimRule determines which running tasks without a worker are claimed: see plan.Control.Claims.
type claimRule byte

const (
	claimsNone    claimRule = '0'
	claimsAll     claimRule = '1' // those that are to start only unless the plan is breached
	claimsStarted claimRule = '2' // all but those that are to start
	claimsExempt  claimRule = '3' // only those that are exempt
)

func claimRuleOf(p *plan.Plan) claimRule {
	switch {
	case p.Claims(task.StartRequest, false):
		return claimsAll
	case p.Claims(task.NoRequest, false):
		return claimsStarted
	case p.Claims(task.ExemptRequest, false):
		return claimsExempt
	}
	return claimsNone
}

// waveRules are the rules that concern the waves of a plan; zero in a plan without waves.
type waveRules struct {
	// first and last are the ordinals of the open wave, 1 and 0 if none is open yet.
	first, last int
	// maxFailed is the MaxFailed of the open wave.
	maxFailed int
	// beyond is plan.Plan.PendingBeyond.
	beyond int
}

func waveRulesOf(p *plan.Plan) (w waveRules) {
	if len(p.Waves) == 0 {
		return w
	}
	w.first, w.beyond = 1, p.PendingBeyond()
	if p.Wave > 0 {
		open := p.Waves[p.Wave-1]
		w.first, w.last, w.maxFailed = p.FirstOf(p.Wave), open.Last, open.MaxFailed
	}
	return w
}

// restRule determines when a plan without tasks in flight is at rest. It is the part of
// plan.Plan.AtRest that depends on the control.
type restRule byte

const (
	restsNever         restRule = '0' // the engine still has to do something
	restsAllPaused     restRule = '1' // if every task that is left, up to the open wave, was paused individually
	restsIdle          restRule = '2' // always
	restsWithoutPauses restRule = '3' // if no task is paused: the engine cancels paused tasks
	restsUnbreached    restRule = '4' // unless it is breached: it waits for an approval
	restsBeforeGates   restRule = '5' // as restsAllPaused, if the open wave has tasks left
	restsFailed        restRule = '6' // unless it is to be completed: see plan.State Failed
)

func restRuleOf(p *plan.Plan) restRule {
	switch {
	case len(p.Sweeps) > 0 || p.Starting != nil || p.Adding != nil || p.State == plan.RollingBack,
		p.Undo.OfWave() || p.Undo.Next > 0:
		return restsNever
	case p.State == plan.Canceled:
		return restsWithoutPauses
	case p.State == plan.Failed && p.GatesPassed() && !p.Exceeded() && len(p.Undone) == 0:
		return restsFailed
	case p.State != plan.Running: // what exceeds a bound in a failed plan, exceeds it until the next command
		return restsIdle
	case p.Exceeded(): // only a command changes that; a commit that exceeds a bound breaches the plan
		return restsNever
	case p.Gate == plan.GateApproval:
		return restsUnbreached
	case p.GatesPassed():
		return restsAllPaused
	}
	return restsBeforeGates
}

// formatRules returns the stored form of the rules of p: state, which running tasks are claimed,
// the stop request in force for running tasks and for undos, rest rule, whether an undo round is
// open, whether the plan is sequential, whether it may be removed when it is at rest, of the grant
// the ordinal, the slots, the failures, those of one group, and whether it is strict, the number of
// the undo round, the two times of the grant, the wave's rules, the ordinals of the wave that is
// being undone.
func formatRules(p *plan.Plan) string {
	undo := p.StopFor(0, task.Control{State: task.RollingBack})
	quiet := *p
	quiet.Counters = plan.Counters{} // the scripts check whether tasks are in flight or paused
	w := waveRulesOf(p)
	return strings.Join([]string{
		strconv.Itoa(int(p.State)), string(claimRuleOf(p)), strconv.Itoa(int(p.State.Stop())), strconv.Itoa(int(undo)),
		string(restRuleOf(p)), digit(p.Undo.Open), digit(p.Sequential()), digit(quiet.Over()),
		strconv.Itoa(max(0, p.Grant.LastOrdinal)), strconv.Itoa(max(0, p.Grant.MaxSlots)), strconv.Itoa(max(0, p.Grant.MaxFailed)),
		strconv.Itoa(max(0, p.Grant.MaxSameFailures)), digit(p.Grant.Strict), strconv.Itoa(p.Undo.Round), microsFrom(p.Grant.NotBefore), microsFrom(p.Grant.NotAfter),
		strconv.Itoa(w.first), strconv.Itoa(w.last), strconv.Itoa(max(0, w.maxFailed)), strconv.Itoa(w.beyond),
		strconv.Itoa(p.Undo.First), strconv.Itoa(p.Undo.Last),
	}, " ")
}

// microsFrom returns the first reading of a server's clock, in microseconds, that is not before t;
// 0 for the zero time.
func microsFrom(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(max(0, t.Add(time.Microsecond-1).UnixMicro()), 10)
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func parseRules(s string) rules {
	var f [22]int64
	ok := parseNumbers(s, f[:])
	return rules{
		state: plan.State(f[0]),
		grant: strategy.Grant{
			LastOrdinal: int(f[8]), MaxSlots: int(f[9]), MaxFailed: int(f[10]), MaxSameFailures: int(f[11]), Strict: f[12] == 1,
			NotBefore: stamp(f[14]), NotAfter: stamp(f[15]),
		},
		claims: claimRule('0' + f[1]), undosStop: f[3] > 0, undoOpen: f[5] == 1, rests: restRule('0' + f[4]),
		wave: waveRules{first: int(f[16]), last: int(f[17]), maxFailed: int(f[18]), beyond: int(f[19])},
		ok:   ok && f[0] >= 0 && f[0] < int64(plan.NumStates),
	}
}

// facts is plan.Facts and the other values that scripts keep current. The stored form is: the ten
// counters, held, breached, whether the undo round has no further task, the next pending ordinal,
// the last event, the place of the undo round, whether any task was touched before its turn, the
// first ordinal that has not been reached in its turn, the oldest event that must still exist, the
// number of entries of order, the number of tasks that are waiting, and when the first of them is
// due, the failed tasks and the ended tasks of the open wave, and when its last task ended, how
// many tasks of the open wave are in flight, and are ROLLBACK_FAILED, the tasks that are to start,
// those that are exempt and held by no worker, and the failure groups that have more failures than
// are tolerated.
type facts struct {
	plan.Facts
	nextPending, undoAt int
	wave                plan.WaveCounters
	crowded             bool // a failure group exceeds what is tolerated
	ok                  bool
}

func parseFacts(s string) (f facts) {
	var v [30]int64
	f.ok = parseNumbers(s, v[:])
	for i := range f.Counters.States {
		f.Counters.States[i] = int(v[i])
	}
	f.Counters.Held = int(v[10])
	f.Breached, f.UndosExhausted, f.LastEvent = v[11] == 1, v[12] == 1, v[14]
	f.Counters.Starting, f.Counters.Exempt = int(v[27]), int(v[28])
	f.Counters.Waiting, f.NextDue = int(v[20]), stamp(v[21])
	f.nextPending, f.undoAt = int(v[13]), int(v[15])
	f.wave = plan.WaveCounters{Failed: int(v[22]), Ended: int(v[23]), InFlight: int(v[25]), RollbackFailed: int(v[26])}
	f.WaveEndedAt = stamp(v[24])
	f.crowded = v[29] > 0
	return f
}

// claimable reports whether a claim would find tasks, by the same rules as commit.lua. sure is
// false if that depends on whether the tasks that wait for a worker are undos, or exempt, which
// only the server knows. f.Now is the time on the server's clock.
func claimable(r *rules, f *facts) (yes, sure bool) {
	c := &f.Counters
	undos, running := c.Of(task.RollingBack) > 0, r.claims == claimsAll || r.claims == claimsStarted
	all := running && (!undos || !r.undosStop) // claims take every task in flight that has started
	some := running || undos && !r.undosStop || r.claims == claimsExempt && c.Exempt > 0
	if d, waits := f.DueIn(); waits && d == 0 && some {
		return all, all
	}
	if c.Slots() >= r.grant.MaxSlots {
		return false, true
	}
	if pendingOpen(r, f) || r.undoOpen && !f.UndosExhausted && f.undoAt > 0 {
		return true, true
	}
	loose := c.InFlight() - c.Slots()
	if running && (r.claims == claimsStarted || f.Breached) {
		loose -= c.Starting
	}
	return loose > 0 && all, loose <= 0 || all || !some
}

// pendingOpen reports whether a pending task may begin.
func pendingOpen(r *rules, f *facts) bool {
	c := &f.Counters
	admits := r.grant.Admits(c.Of(task.Failed), r.grant.MaxFailed, c.InFlight()) &&
		(r.wave.last == 0 || r.grant.Admits(f.wave.Failed, r.wave.maxFailed, c.InFlight()))
	return admits && !f.crowded && !f.Breached && !r.state.CancelsPending() && r.grant.Opens(f.Now) &&
		c.Of(task.Pending) > r.wave.beyond && f.nextPending <= min(r.grant.LastOrdinal, c.Total())
}

// atRest reports whether the plan is at rest, by the same rules as lib/wave.lua. It may report
// false of a failed plan that is at rest only because of failures in a wave that is not the open
// one.
func (r *rules) atRest(f *facts) bool {
	c := &f.Counters
	if c.InFlight() > 0 {
		return false
	}
	paused := c.Of(task.Paused)
	unbreached := !f.Breached && !f.crowded && c.Of(task.Failed) <= r.grant.MaxFailed
	onlyPaused := unbreached && paused > 0 && c.Of(task.Pending) == r.wave.beyond
	switch r.rests {
	case restsIdle:
		return true
	case restsWithoutPauses:
		return paused == 0
	case restsUnbreached:
		return unbreached
	case restsFailed:
		undone := c.Of(task.RolledBack) + c.Of(task.RollbackFailed)
		exceeded := f.crowded || c.Of(task.Failed) > r.grant.MaxFailed || r.wave.last > 0 && f.wave.Failed > r.wave.maxFailed
		return c.Left() > 0 || c.Of(task.Completed) == 0 || undone > 0 || exceeded
	case restsAllPaused:
		return onlyPaused
	case restsBeforeGates:
		left := c.Left()
		if r.wave.first > 0 {
			left = r.wave.last - r.wave.first + 1 - f.wave.Ended
		}
		return onlyPaused && left > 0
	case restsNever:
	}
	return false
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
