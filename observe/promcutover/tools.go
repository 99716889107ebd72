package promcutover

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/renewal"
)

// renewals adds up what a renewal service reports, which it has counted by bucket already.
type renewals struct {
	mu                sync.Mutex
	total             renewal.Batch
	services          uint64
	lagging, evicting map[serviceNode]bool
}

// serviceNode is a node of one of the services of a process, which may have nodes in common.
type serviceNode struct {
	service uint64
	node    string
}

func newRenewals() *renewals {
	return &renewals{lagging: make(map[serviceNode]bool), evicting: make(map[serviceNode]bool)}
}

// hooks returns hooks for one service.
func (r *renewals) hooks() renewal.Hooks {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.services++
	service := r.services
	return renewal.Hooks{
		OnBatch:    r.add,
		OnLag:      func(l renewal.Lag) { r.set(r.lagging, serviceNode{service, l.Node}, l.Begun) },
		OnEviction: func(e renewal.Eviction) { r.set(r.evicting, serviceNode{service, e.Node}, e.Begun) },
	}
}

func (r *renewals) set(nodes map[serviceNode]bool, node serviceNode, begun bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if begun {
		nodes[node] = true
	} else {
		delete(nodes, node)
	}
}

func (r *renewals) add(b renewal.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &r.total
	t.Calls, t.Renewed, t.Lost, t.Failed, t.Skipped = t.Calls+b.Calls, t.Renewed+b.Renewed, t.Lost+b.Lost, t.Failed+b.Failed, t.Skipped+b.Skipped
	t.LateSum, t.LeftSum = t.LateSum+b.LateSum, t.LeftSum+b.LeftSum
	for i := range b.Late {
		t.Late[i] += b.Late[i]
	}
	for i := range b.Left {
		t.Left[i] += b.Left[i]
	}
}

func (r *renewals) send(s sender, f *families) {
	r.mu.Lock()
	t, lagging, evicting := r.total, len(r.lagging), len(r.evicting)
	r.mu.Unlock()
	s.count(f.renewed, t.Renewed, "renewed")
	s.count(f.renewed, t.Lost, "lost")
	s.count(f.renewed, t.Failed, "failed")
	s.count(f.renewed, t.Skipped, "skipped")
	s.count(f.renewalCalls, t.Calls)
	s.count(f.lagging, lagging)
	s.count(f.evicting, evicting)
	var lateBounds, leftBounds []float64
	for _, d := range renewal.LateBounds {
		lateBounds = append(lateBounds, d.Seconds())
	}
	for i := range t.Left[1:] {
		leftBounds = append(leftBounds, float64(i+1)/float64(len(t.Left)))
	}
	s.buckets(f.late, lateBounds, t.Late[:], t.LateSum.Seconds())
	s.buckets(f.left, leftBounds, t.Left[:], t.LeftSum)
}

// buckets sends a histogram that was counted elsewhere; counts has one more than bounds.
func (s sender) buckets(f *family, bounds []float64, counts []int, sum float64) {
	cumulated, total := make(map[float64]uint64, len(bounds)), uint64(0)
	for i, bound := range bounds {
		total += uint64(counts[i])
		cumulated[bound] = total
	}
	if m, err := prometheus.NewConstHistogram(f.desc, total+uint64(counts[len(bounds)]), sum, cumulated); err == nil {
		s.to <- m
	}
}

// confirms counts and times the runs of redisack clients.
type confirms struct {
	reasons   [redisack.ReasonCanceled + 1]atomic.Uint64
	runs      *histogram
	endpoints *histogram
}

func newConfirms(form Histograms) *confirms {
	return &confirms{runs: newHistogram(form, taskBounds()), endpoints: newHistogram(form, taskBounds())}
}

func (c *confirms) hooks() redisack.Hooks {
	return redisack.Hooks{
		OnDone: func(r *redisack.AckResult) {
			if int(r.Reason) < len(c.reasons) {
				c.reasons[r.Reason].Add(1)
			}
			if r.Reason == redisack.ReasonConfirmed {
				c.runs.observe(r.Elapsed, 1)
			}
		},
		OnEndpoint: func(_ redisack.Target, row redisack.EndpointReport) {
			if row.Reason == redisack.ReasonConfirmed {
				c.endpoints.observe(row.ConfirmedAfter, 1)
			}
		},
	}
}

// send sends all reasons from the beginning, so that the first run of each is a rise.
func (c *confirms) send(s sender, f *families) {
	for r := redisack.ReasonConfirmed; r <= redisack.ReasonCanceled; r++ {
		s.total(f.runs, c.reasons[r].Load(), r.String())
	}
	s.histogram(f.confirmTime, c.runs)
	s.histogram(f.endpointTime, c.endpoints)
}
