package renewal

import (
	"sync"
	"sync/atomic"
	"time"
)

// tally counts the outcomes of one batch by policy.
type tally struct {
	last  *policy // of counts[at]; most batches have one policy
	at    int
	pols  []*policy
	count []Batch
}

func (t *tally) of(p *policy) *Batch {
	if t.last == p {
		return &t.count[t.at]
	}
	t.last = p
	for t.at = range t.pols {
		if t.pols[t.at] == p {
			return &t.count[t.at]
		}
	}
	t.at = len(t.pols)
	t.pols = append(t.pols, p)
	t.count = append(t.count, Batch{Calls: 1, Labels: p.Labels})
	return &t.count[t.at]
}

func (t *tally) add(it *item, o Outcome, now time.Duration) {
	if o == 0 {
		return
	}
	b := t.of(it.h.pol)
	b.add(o)
	if o != Renewed {
		return
	}
	b.Late[lateBucket(now-it.due)]++
	if left, ttl := it.deadline-now, it.h.pol.ttl; ttl != 0 && left < ttl {
		b.Left[int64(max(left, 0))*10/int64(ttl)]++
	}
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
	for i := range o.Left {
		b.Left[i] += o.Left[i]
	}
}

// report adds a batch's tally to the service's and empties it.
func (b *batch) report(l *lane) {
	for i := range b.tally.count {
		c := &b.tally.count[i]
		c.Node = l.name
		l.svc.meter.add(b.tally.pols[i], c)
	}
	clear(b.tally.pols)
	b.tally.last, b.tally.pols, b.tally.count = nil, b.tally.pols[:0], b.tally.count[:0]
}

// meter adds up what happened, for Stats and for the hooks.
type meter struct {
	hooks      Hooks
	log        func(error)
	dropped    atomic.Int64 // callbacks left out
	userErrors atomic.Int64
	steps      atomic.Int64

	mu         sync.Mutex
	total      Batch
	pending    map[meterKey]*Batch // not yet told
	lags       map[string]Lag      // by node: the present state, not yet told
	lagging    map[string]bool     // by node: as told last
	evicting   map[string]bool     // by node: the present state
	evictions  []Eviction          // not yet told
	delivering bool
	closed     bool
}

type meterKey struct {
	pol  *policy
	node string
}

func (m *meter) count(p *policy, o Outcome) {
	b := Batch{Labels: p.Labels}
	b.add(o)
	m.add(p, &b)
}

func (m *meter) add(p *policy, b *Batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total.merge(b)
	if m.hooks.Batch == nil {
		return
	}
	key := meterKey{p, b.Node}
	if m.pending[key] == nil {
		m.pending[key] = &Batch{Node: b.Node}
	}
	m.pending[key].merge(b)
	m.deliver()
}

func (m *meter) lag(l Lag) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hooks.Lag == nil {
		return
	}
	m.lags[l.Node] = l
	m.deliver()
}

// deliver starts the goroutine that calls the hooks, unless there is one. It is
// called under mu.
func (m *meter) deliver() {
	if !m.delivering && !m.closed {
		m.delivering = true
		go m.tell()
	}
}

func (m *meter) tell() {
	defer func() { // also when a hook ends the goroutine
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.delivering = len(m.pending)+len(m.lags)+len(m.evictions) > 0; m.delivering {
			go m.tell() // what came meanwhile, also if that was the last
		}
	}()
	for {
		m.mu.Lock()
		pending, lags, evictions := m.pending, m.lags, m.evictions
		m.pending, m.lags, m.evictions = make(map[meterKey]*Batch), make(map[string]Lag), nil
		m.mu.Unlock()
		if len(pending)+len(lags)+len(evictions) == 0 {
			return
		}
		for _, b := range pending {
			m.call(func() { m.hooks.Batch(*b) })
		}
		for _, e := range evictions {
			m.call(func() { m.hooks.Eviction(e) })
		}
		for node, l := range lags {
			if l.Begun != m.lagging[node] { // only this goroutine reads and writes it
				m.lagging[node] = l.Begun
				m.call(func() { m.hooks.Lag(l) })
			}
		}
	}
}

func (m *meter) call(hook func()) {
	err := guard("hook", func() error { hook(); return nil })
	if err != nil {
		m.userErrors.Add(1)
		m.log(err)
	}
}

// close lets no more hooks start than those for what is pending.
func (m *meter) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
}

func (m *meter) goroutines() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.delivering {
		return 1
	}
	return 0
}
