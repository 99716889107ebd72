package lease

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// reportShare is the part of the TTL after which a change of the load is reported; several changes
// share one report.
const reportShare = 30

// report tells the store what this process holds, for those who ask where work is done. Nothing
// depends on it: a failure is reported, and the next heartbeat or change tells it again.
func (k *Keeper) report(ctx context.Context, l *Lease) {
	ctx, cancel := context.WithTimeout(ctx, max(min(k.ttl/10, l.Left()), time.Millisecond))
	defer cancel()
	k.registry.changed.Lower() // before the load is read
	k.client.Fault("report", k.client.Store.Report(ctx, l.name, k.registry.load(l)))
}

// load returns what is run under a lease.
func (r *Registry) load(l *Lease) store.Load {
	held, plans := 0, make(map[plan.ID]struct{})
	for c, e := range r.all() {
		if e.lease == l {
			held++
			plans[c.task.Plan()] = struct{}{}
		}
	}
	ids := slices.Sorted(maps.Keys(plans))
	return store.Load{Held: held, Plans: ids[:min(len(ids), store.MaxBatch)]}
}
