package renewal

import "time"

// tally counts the outcomes of one batch by policy.
type tally struct {
	last     *Policy // of counts[at]; most batches have one policy
	at       int
	policies []*Policy
	counts   []Batch
}

func (t *tally) of(p *Policy) *Batch {
	if t.last == p {
		return &t.counts[t.at]
	}
	t.last = p
	for t.at = range t.policies {
		if t.policies[t.at] == p {
			return &t.counts[t.at]
		}
	}
	t.at = len(t.policies)
	t.policies = append(t.policies, p)
	t.counts = append(t.counts, Batch{Calls: 1, Labels: p.Labels})
	return &t.counts[t.at]
}

// add counts the outcome of one key. late is the time between its due time and the answer, left the
// time that was left until its previous deadline.
func (t *tally) add(p *Policy, o Outcome, late, left time.Duration) {
	if o == 0 {
		return
	}
	b := t.of(p)
	b.add(o)
	if o != Renewed {
		return
	}
	b.Late[lateBucket(late)]++
	b.LateSum += max(late, 0)
	if ttl := p.TTL.fixed; ttl != 0 && left < ttl {
		left = max(left, 0)
		b.Left[int64(left)*10/int64(ttl)]++
		b.LeftSum += float64(left) / float64(ttl)
	}
}

// report adds the batch to the figures of the service and empties the tally.
func (t *tally) report(m *meter, node string) {
	for i := range t.counts {
		t.counts[i].Node = node
		m.add(t.policies[i], &t.counts[i])
	}
	clear(t.policies)
	t.last, t.policies, t.counts = nil, t.policies[:0], t.counts[:0]
}

func lateBucket(late time.Duration) int {
	for i, bound := range LateBounds {
		if late <= bound {
			return i
		}
	}
	return len(LateBounds)
}

func (b *Batch) add(o Outcome) {
	switch o {
	case Renewed:
		b.Renewed++
	case Lost:
		b.Lost++
	case Failed:
		b.Failed++
	case Skipped:
		b.Skipped++
	}
}

func (b *Batch) merge(o *Batch) {
	b.Labels = o.Labels
	b.Calls += o.Calls
	b.Renewed += o.Renewed
	b.Lost += o.Lost
	b.Failed += o.Failed
	b.Skipped += o.Skipped
	for i := range o.Late {
		b.Late[i] += o.Late[i]
	}
	b.LateSum += o.LateSum
	b.LeftSum += o.LeftSum
	for i := range o.Left {
		b.Left[i] += o.Left[i]
	}
}
