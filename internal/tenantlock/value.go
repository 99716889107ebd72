package tenantlock

import (
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// The phases of a lock's value. See doc.go for their meaning.
const (
	startPhase  = 2
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

// isOfRun reports whether a lock with that phase is one under which a task runs: taken by a start
// or for a run.
func isOfRun(phase uint32) bool { return phase == startPhase || phase&runPhase != 0 }

// RunLock returns the lock under which a claimed task of plan p runs. start is the StartToken of
// the plan.
func RunLock(p plan.ID, start uint64, t task.Task) store.TenantLock {
	l := startLock(p, start, t.ID.Ordinal(), t.Tenant.ID)
	if t.Attempt > 1 || t.State == task.RollingBack {
		l.Phase = phaseOfRun(t)
	}
	return l
}

func phaseOfRun(t task.Task) uint32 { return runPhase | uint32(t.Token)&(runPhase-1) }

// Locks returns the locks that a task may still have although it does not need its tenant any more,
// or none if it needs the tenant.
func Locks(p plan.Plan, t task.Task) []store.TenantLock {
	if needs(t) || p.StartToken == 0 {
		return nil
	}
	start := startLock(p.ID, p.StartToken, t.ID.Ordinal(), t.Tenant.ID)
	run := start
	run.Phase = phaseOfRun(t)
	return []store.TenantLock{start, run}
}

// needs reports whether a task of a plan that is not over needs its tenant.
func needs(t task.Task) bool { return !t.State.Releases() || t.Worker != "" }

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
