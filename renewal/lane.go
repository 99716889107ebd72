package renewal

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// lane is the queue of one node and the workers that empty it. Workers exist only
// while there is something to do. A node that does not answer fills only its own
// lane.
type lane struct {
	svc   *Service
	group *lanes
	name  string
	work  func(context.Context, *batch) (silent bool)

	mu       sync.Mutex
	asked    ring   // somebody waits for them: before all others, whatever the lag
	urgent   ring   // retries
	normal   ring   // in the order of their ticks
	run      []item // taken out of the rings and sorted by deadline, when there is lag
	at       int    // next of run
	workers  int
	sorting  bool
	nextSort time.Duration // not before
	lagging  bool
	pause    time.Duration // between calls while the node is silent
	free     []*batch
}

// resort is how often the whole queue may be put into the order of the time left.
const resort = 100 * time.Millisecond

// rank says into which ring an item goes.
type rank uint8

const (
	rankDue rank = iota
	rankRetry
	rankAsked // RenewNow
)

func (l *lane) push(it item, r rank) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch r {
	case rankDue:
		l.normal.push(it)
	case rankRetry:
		l.urgent.push(it)
	case rankAsked:
		l.asked.push(it)
	}
}

func (l *lane) depth() int { return l.asked.n + l.urgent.n + l.normal.n + len(l.run) - l.at }

// kick starts workers for what is queued, as many as are allowed; or, if only full
// batches count, none for less.
func (l *lane) kick(full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := l.svc.cfg.BatchSize
	want := l.depth() / size
	if !full && l.depth() > 0 {
		want = max(want, 1)
	}
	for ; want > 0 && l.workers < l.svc.cfg.InFlight; want-- {
		if !l.group.spawn(l.serve) {
			return
		}
		l.workers++
	}
}

// serve is a worker: it takes batches until there are none.
func (l *lane) serve(ctx context.Context) {
	b := l.batch()
	for ctx.Err() == nil && l.fill(b) {
		silent := l.work(ctx, b)
		l.settlePause(ctx, silent)
	}
	b.reset()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, b)
}

func (l *lane) batch() *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free); n > 0 {
		b := l.free[n-1]
		l.free = l.free[:n-1]
		return b
	}
	return &batch{}
}

// fill takes the next batch, or signs the worker off.
func (l *lane) fill(b *batch) bool {
	b.reset()
	now := l.svc.clock.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := l.svc.cfg.BatchSize
	if l.checkLag(now) {
		limit = maxBatch
	}
	if (l.lagging || l.urgent.n > limit) && now >= l.nextSort && !l.sorting {
		l.sort(now)
	}
	b.items = l.asked.take(b.items, limit)
	b.items = l.urgent.take(b.items, limit-len(b.items))
	n := min(limit-len(b.items), len(l.run)-l.at)
	b.items = append(b.items, l.run[l.at:l.at+n]...)
	if l.at += n; l.at == len(l.run) {
		l.run, l.at = nil, 0
	}
	b.items = l.normal.take(b.items, limit-len(b.items))
	if len(b.items) == 0 {
		l.workers--
		return false
	}
	return true
}

// checkLag tells whether the oldest tick in the queue is more than half an interval
// late, and reports when that begins and ends. It is called under mu.
func (l *lane) checkLag(now time.Duration) bool {
	late := time.Duration(0)
	if l.normal.n > 0 {
		if head := l.normal.peek(); now-head.due > head.h.pol.lagLimit() {
			late = now - head.due
		}
	}
	behind := late > 0 || l.lagging && l.at < len(l.run)
	if behind != l.lagging {
		l.lagging = behind
		l.svc.meter.lag(Lag{Node: l.name, Begun: behind, Late: late, Queued: l.depth()})
	}
	return behind
}

// sort puts what is in the rings into the order of the time left and merges it into
// the run. It is called under mu, which it gives up meanwhile; the other worker goes on
// with what comes. The more it takes, the longer until it may happen again: of the time
// of a worker it gets a tenth.
func (l *lane) sort(now time.Duration) {
	l.sorting = true
	run := l.run[l.at:]
	l.run, l.at = nil, 0
	fresh := l.urgent.take(nil, l.urgent.n)
	fresh = l.normal.take(fresh, l.normal.n)
	l.mu.Unlock()
	slices.SortFunc(fresh, byDeadline)
	run = merge(run, fresh)
	l.mu.Lock()
	l.run, l.sorting = run, false
	l.nextSort = now + max(resort, 10*(l.svc.clock.now()-now))
}

func byDeadline(a, b item) int { return cmp.Compare(a.deadline, b.deadline) }

// merge joins two sorted lists.
func merge(a, b []item) []item {
	if len(a) == 0 {
		return b
	}
	out := make([]item, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if byDeadline(b[0], a[0]) < 0 {
			out, b = append(out, b[0]), b[1:]
		} else {
			out, a = append(out, a[0]), a[1:]
		}
	}
	return append(append(out, a...), b...)
}

const (
	firstPause = 10 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// settlePause makes a worker wait before the next call if the node gave no answer at
// all, so that a server that refuses connections is not asked all the time.
func (l *lane) settlePause(ctx context.Context, silent bool) {
	l.mu.Lock()
	was := l.pause
	if silent {
		l.pause = min(max(2*l.pause, firstPause), lastPause)
	} else {
		l.pause = 0
	}
	pause := l.pause
	l.mu.Unlock()
	if silent != (was > 0) {
		l.svc.logNode(l.name, silent)
	}
	if !silent {
		return
	}
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
}

// lagLimit is the lateness that counts as lag: half an interval.
func (p *policy) lagLimit() time.Duration {
	if p.interval == 0 {
		return time.Second
	}
	return p.interval / 2
}
