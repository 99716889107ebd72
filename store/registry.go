package store

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/cutover-go/cutover/plan"
)

// Limits of what a process tells of itself.
const (
	// MaxExecutors is the maximum number of executor types of a process, each at most plan.MaxName
	// bytes of UTF-8.
	MaxExecutors = 1000
	// MaxCapacity is the maximum Capacity of a process, and the maximum number of tasks that it
	// reports to hold.
	MaxCapacity = 1_000_000
)

// Registry lists the workers, and what they hold. An incarnation is in it from Join on until its
// lease ends or is over; nothing that works on tasks depends on it.
type Registry interface {
	// Report replaces the load of an incarnation. It does not renew the lease. Returns
	// ErrLeaseExpired if the lease is over. If the incarnation has been lost from the registry,
	// Report restores it.
	Report(ctx context.Context, incarnation string, l Load) error
	// Workers returns workers whose lease is not over, in ascending order of the bytes of their
	// names, beginning with the name from; [NameAfter] makes the from of the next page. limit is at
	// most MaxPage, which is also the default. Workers whose lease is damaged, or cannot be reached
	// for now, are left out; an error returned together with the others says so: it matches
	// ErrCorrupt, or is [Temporary]. Workers that are left out do not count toward the limit, so
	// only the last page has fewer than the limit.
	Workers(ctx context.Context, from string, limit int) ([]Worker, error)
	// Holdings returns all tasks of a plan that workers hold or, if incarnation is not empty, those
	// that this one holds, in ascending order. It does not ask whether leases are over. Returns
	// ErrNotFound if there is no such plan.
	Holdings(ctx context.Context, id plan.ID, incarnation string) ([]Holding, error)
}

// Process is what a process tells of itself when it joins.
type Process struct {
	// Capacity is how many tasks it works on at once, at most MaxCapacity.
	Capacity int
	// Executors are the executor types that it has, at most MaxExecutors.
	Executors []string
}

// Load is what a process held when it last reported.
type Load struct {
	// Held is the number of tasks, at most MaxCapacity.
	Held int
	// Plans are plans of which it held tasks, at most MaxBatch of them.
	Plans []plan.ID
}

// Worker is an incarnation with a lease.
type Worker struct {
	// Name is the name of the incarnation: the Worker of the tasks that it holds.
	Name string
	Process
	Load
	// JoinedAt is when its lease began, LeaseUntil when the lease ends unless it is renewed, by the
	// store's clock.
	JoinedAt, LeaseUntil time.Time
}

// Check returns nil, or an *InvalidError.
func (p *Process) Check() error {
	faults := bounds("Capacity", int64(p.Capacity), MaxCapacity)
	faults = append(faults, bounds("Executors", int64(len(p.Executors)), MaxExecutors)...)
	for _, name := range p.Executors[:min(len(p.Executors), MaxExecutors)] {
		if name == "" || len(name) > plan.MaxName || !utf8.ValidString(name) {
			faults = append(faults, plan.Fault{Field: "Executors", Problem: "have a name that is empty, too long or no UTF-8"})
			break
		}
	}
	return invalid(faults)
}

// Check returns nil, or an *InvalidError.
func (l *Load) Check() error {
	return invalid(bounds("Held", int64(l.Held), MaxCapacity), bounds("Plans", int64(len(l.Plans)), MaxBatch))
}

// NameAfter returns the smallest name that is greater than name.
func NameAfter(name string) string { return name + "\x00" }

// CheckWorkers checks the argument of Workers. It returns nil, or an *InvalidError.
func CheckWorkers(limit int) error { return invalid(bounds("Limit", int64(limit), MaxPage)) }
