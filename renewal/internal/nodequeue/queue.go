package nodequeue

import (
	"context"
	"sync"
	"time"
)

// Worker processes batches of one queue, one batch at a time. A queue reuses its workers, so a
// worker may keep its buffers from batch to batch.
type Worker[T any] interface {
	// Do processes a batch and reports whether the server was silent throughout. After Do has
	// returned, items belongs to the queue again.
	Do(ctx context.Context, items []Item[T]) (silent bool)
}

// Rank says how urgent a value is.
type Rank uint8

// The values of Rank.
const (
	RankDue   Rank = iota // in the order of their due times
	RankRetry             // before all values of RankDue
	RankFirst             // before all others, however late the others are
)

// Queue is the queue of one server.
type Queue[T any] struct {
	// Immutable after construction.
	name  string
	opt   *Options[T]
	group *Group[T]
	make  func() Worker[T]

	mu       sync.Mutex
	first    ring[T]
	retries  ring[T]
	due      ring[T]
	run      run[T]
	workers  int // goroutines
	sorting  bool
	nextSort time.Duration // no sort before this moment
	behind   bool
	pause    time.Duration // before the next call, while the server is silent
	idle     []*worker[T]
}

// worker is a Worker with its batch.
type worker[T any] struct {
	Worker[T]
	items []Item[T]
}

// Push adds a value. It does not start a worker: call Group.Kick afterwards.
func (q *Queue[T]) Push(it Item[T], r Rank) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch r {
	case RankDue:
		q.due.push(it)
	case RankRetry:
		q.retries.push(it)
	case RankFirst:
		q.first.push(it)
	}
}

// depth returns the number of queued values. The caller holds mu.
func (q *Queue[T]) depth() int { return q.first.n + q.retries.n + q.run.len() + q.due.n }

// kick starts a worker for each full batch, and one worker for less than a batch if at least
// atLeast values are queued.
func (q *Queue[T]) kick(atLeast int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	want := q.depth() / q.opt.BatchSize
	if q.depth() >= atLeast {
		want = max(want, 1)
	}
	for ; want > 0 && q.workers < q.opt.InFlight; want-- {
		if !q.group.Go(q.serve) {
			return
		}
		q.workers++
	}
}

// serve processes batches until the queue is empty.
func (q *Queue[T]) serve(ctx context.Context) {
	w := q.worker()
	for ctx.Err() == nil && q.fill(w) {
		silent := w.Do(ctx, w.items)
		q.pauseIf(ctx, silent)
	}
	clear(w.items)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.idle = append(q.idle, w)
}

func (q *Queue[T]) worker() *worker[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.idle); n > 0 {
		w := q.idle[n-1]
		q.idle = q.idle[:n-1]
		return w
	}
	return &worker[T]{Worker: q.make()}
}

// fill takes the next batch. If the queue is empty, fill counts the worker as ended and reports
// false.
func (q *Queue[T]) fill(w *worker[T]) bool {
	clear(w.items)
	items := w.items[:0]
	now := q.opt.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	limit := q.opt.BatchSize
	if q.checkLag(now) {
		limit = q.opt.MaxBatch
	}
	if (q.behind || q.retries.n > limit) && now >= q.nextSort && !q.sorting {
		q.sort(now)
	}
	items = q.first.take(items, limit)
	items = q.retries.take(items, limit-len(items))
	items = q.run.take(items, limit-len(items))
	items = q.due.take(items, limit-len(items))
	if w.items = items; len(items) == 0 {
		q.workers--
		return false
	}
	return true
}

// checkLag reports whether the queue is behind, and calls OnLag when that begins and ends. The
// caller holds mu.
func (q *Queue[T]) checkLag(now time.Duration) bool {
	late := time.Duration(0)
	if q.due.n > 0 {
		if head := q.due.peek(); now-head.Due > q.opt.LagLimit(head.Value) {
			late = now - head.Due
		}
	}
	behind := late > 0 || q.behind && q.run.len() > 0
	if behind != q.behind {
		q.behind = behind
		q.opt.OnLag(Lag{Queue: q.name, Begun: behind, Late: late, Depth: q.depth()})
	}
	return behind
}

const (
	firstPause = 10 * time.Millisecond
	// LastPause is the maximum pause between two calls to a silent server.
	LastPause = 250 * time.Millisecond
)

// pauseIf makes a worker wait before its next call if the server was silent, so that the workers do
// not keep calling a server that refuses connections.
func (q *Queue[T]) pauseIf(ctx context.Context, silent bool) {
	q.mu.Lock()
	was := q.pause
	if silent {
		q.pause = min(max(2*q.pause, firstPause), LastPause)
	} else {
		q.pause = 0
	}
	pause := q.pause
	q.mu.Unlock()
	if silent != (was > 0) {
		q.opt.OnSilent(q.name, silent)
	}
	if !silent {
		return
	}
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
}
