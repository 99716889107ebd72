package tenantlock

import (
	"math/rand/v2"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// The phases of a lock's value. See doc.go for their meaning.
const (
	startPhase  = 2
	claimPhase  = 1 << 28
	addPhase    = 1 << 29
	intentPhase = 1 << 30
	runPhase    = 1 << 31
)

func startLock(p plan.ID, start uint64, ordinal int, tenant string) store.TenantLock {
	return store.TenantLock{Tenant: tenant, Plan: p, Ordinal: ordinal, Start: start, Phase: startPhase}
}

// startLocks returns the locks that a start takes on tenants. The first tenant has the ordinal
// first.
func startLocks(id plan.ID, token uint64, first int, tenants []string) []store.TenantLock {
	locks := make([]store.TenantLock, len(tenants))
	for i, tenant := range tenants {
		locks[i] = startLock(id, token, first+i, tenant)
	}
	return locks
}

// addLocks returns the locks that an addition takes on tenants. The first tenant has the ordinal
// first.
func addLocks(id plan.ID, start, token uint64, first int, tenants []string) []store.TenantLock {
	locks := startLocks(id, start, first, tenants)
	for i := range locks {
		locks[i].Phase = phaseOfAddition(token)
	}
	return locks
}

// phaseOfAddition returns the phase of the addition with that token. The locks of another addition
// have another phase, because a tenant may get the ordinal that it would have got by an addition
// that was given up.
func phaseOfAddition(token uint64) uint32 { return addPhase | uint32(token)&(addPhase-1) }

// isOfAddition reports whether a phase is that of an addition.
func isOfAddition(phase uint32) bool { return phase&(runPhase|intentPhase|addPhase) == addPhase }

// claimLocks returns the locks under which pending tasks with these ordinals are claimed. phase is
// one that ClaimPhase has returned.
func claimLocks(o Owner, phase uint32, ordinals []int, tenants []string) []store.TenantLock {
	locks := make([]store.TenantLock, len(tenants))
	for i, tenant := range tenants {
		locks[i] = startLock(o.Plan, o.Start, ordinals[i], tenant)
		locks[i].Phase = phase
	}
	return locks
}

// ClaimPhase returns the phase of the locks of one claim. It tells when the claim was made, in
// units of claimUnit, and has 16 random bits, so that only the process that makes the claim has it:
// only that process knows that these locks are older than the tokens of its tasks.
func ClaimPhase() uint32 { return claimPhase | claimTime()<<16 | rand.Uint32N(1<<16) }

const (
	// claimUnit is the unit in which the locks of claims tell their time. claimTimes is the number
	// of such times, after which they begin again: four and a half hours.
	claimUnit  = 4 * time.Second
	claimTimes = 1 << 12
	// claimAge is for how many units a claim is taken to be under way. If the clocks of two
	// processes differ by more, one of them may take the lock of a claim for stale, and its task
	// waits for the tenant once more.
	claimAge = 3
)

func claimTime() uint32 { return uint32(time.Now().Unix()/int64(claimUnit/time.Second)) % claimTimes }

// isOfClaim reports whether a phase is that of a claim.
func isOfClaim(phase uint32) bool {
	return phase&(runPhase|intentPhase|addPhase|claimPhase) == claimPhase
}

// ClaimUnderWay reports whether a phase is of a claim that was made a moment ago, so that its
// worker may be about to replace the lock.
func ClaimUnderWay(phase uint32) bool {
	age := (claimTime() - phase>>16) % claimTimes
	return isOfClaim(phase) && (age < claimAge || age >= claimTimes-claimAge)
}

// intentLock returns the lock that is taken before a retry or a rollback of the task is committed.
func intentLock(p plan.Plan, t task.Task) store.TenantLock {
	l := startLock(p.ID, p.StartToken, t.ID.Ordinal(), t.Tenant.ID)
	l.Phase = phaseOfIntent(t)
	return l
}

// phaseOfIntent returns the phase of a command that was decided from this version of the task.
func phaseOfIntent(t task.Task) uint32 { return intentPhase | uint32(t.Version)&(intentPhase-1) }

// isIntent reports whether a phase is that of an intentLock.
func isIntent(phase uint32) bool { return phase&runPhase == 0 && phase&intentPhase != 0 }

// isOfRun reports whether a lock with that phase is one under which a task runs: taken by a start,
// by an addition or for a run.
func isOfRun(phase uint32) bool {
	return phase == startPhase || phase&runPhase != 0 || isOfAddition(phase)
}

// Owner is a plan for whose tasks tenants are locked.
type Owner struct {
	Plan plan.ID
	// Start is the plan's StartToken.
	Start uint64
	// Created is the number of tasks that the plan was created with. The others were added.
	Created int
	// Waits reports that the start locked no tenant: see strategy.Wait.
	Waits bool
	// Quotas are those of the plan.
	Quotas []strategy.Quota
}

// StartLocked reports whether a task runs under the lock of its plan's start: at its first attempt,
// if it was not added later.
func (o Owner) StartLocked(t task.Task) bool {
	return !o.Waits && t.Attempt <= 1 && t.State != task.RollingBack && t.ID.Ordinal() <= o.Created
}

// RunLock returns the lock under which a claimed task of a plan runs.
func RunLock(o Owner, t task.Task) store.TenantLock {
	l := startLock(o.Plan, o.Start, t.ID.Ordinal(), t.Tenant.ID)
	if !o.StartLocked(t) {
		l.Phase = RunPhase(t)
	}
	return l
}

// RunPhase returns the phase of the run of a claimed task.
func RunPhase(t task.Task) uint32 { return runPhase | uint32(t.Token)&(runPhase-1) }

// NewerRun reports whether a phase is that of a later run than another one of the same task.
func NewerRun(phase, than uint32) bool {
	ahead := (phase - than) & (runPhase - 1)
	return phase&than&runPhase != 0 && ahead != 0 && ahead < runPhase/2
}

// Locks returns the locks that a task may still have although it does not need its tenant any more,
// or none if it needs the tenant.
func Locks(p plan.Plan, t task.Task) []store.TenantLock {
	if needs(p, t) || p.StartToken == 0 {
		return nil
	}
	start := startLock(p.ID, p.StartToken, t.ID.Ordinal(), t.Tenant.ID)
	run := start
	run.Phase = RunPhase(t)
	return []store.TenantLock{start, run}
}

// needs reports whether a task of plan p, which is not over, needs its tenant.
func needs(p plan.Plan, t task.Task) bool { return !releases(p, t.State) || t.Worker != "" }

// releases reports whether a task of plan p in state s, which no worker has, needs no tenant. In a
// plan that waits for its tenants a pending task needs none until it is claimed.
func releases(p plan.Plan, s task.State) bool {
	return s.Releases() || s == task.Pending && p.Strategy.Conflict == strategy.Wait
}

// sameTask reports whether two locks are of the same task, taken under the same start.
func sameTask(a, b store.TenantLock) bool {
	return a.Plan == b.Plan && a.Ordinal == b.Ordinal && a.Start == b.Start
}

// sameTenants returns those of the locks whose tenants occur in others.
func sameTenants(locks, others []store.TenantLock) []store.TenantLock {
	if len(others) == 0 {
		return nil
	}
	among := make(map[string]struct{}, len(others))
	for _, l := range others {
		among[l.Tenant] = struct{}{}
	}
	var same []store.TenantLock
	for _, l := range locks {
		if _, is := among[l.Tenant]; is {
			same = append(same, l)
		}
	}
	return same
}
