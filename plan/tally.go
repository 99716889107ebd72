package plan

import "github.com/cutover-go/cutover/task"

// tally is what one look at the tenants of a spec has found out.
type tally struct {
	tenants int
	without []int     // by quota of the strategy: the tenants that do not have its label
	again   *sequence // nil without a TenantSeq
}

// count looks at the tenants of a spec and adds their faults to e.
func (s Spec) count(e *InvalidError) tally {
	c := tally{tenants: len(s.Tenants), without: make([]int, len(s.Strategy.Quotas))}
	look := func(t *task.Tenant) {
		for i, q := range s.Strategy.Quotas {
			if _, has := t.Labels[q.Label]; !has {
				c.without[i]++
			}
		}
	}
	if s.TenantSeq == nil {
		e.tenants(s.Tenants)
		for i := range s.Tenants {
			if len(c.without) == 0 {
				break
			}
			look(&s.Tenants[i])
		}
		return c
	}
	if len(s.Tenants) > 0 {
		e.add("TenantSeq", "is set together with Tenants")
		return c
	}
	for i, w := range s.Strategy.Waves {
		if w.Selects() {
			e.add(waveField(i), "selects tenants by labels or ids: that takes a list, in Tenants, not a TenantSeq")
		}
	}
	c.again = e.sequence(s.TenantSeq, look)
	c.tenants = c.again.count
	return c
}
