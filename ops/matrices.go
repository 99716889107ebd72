package ops

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
)

// matrixInterval is the least time between the beginnings of two reads of a plan's matrix. An older
// one is dropped by the next request for any.
const matrixInterval = time.Second

// encoded is the body of an answer that is JSON already.
type encoded []byte

// matrices are what clients that ask for the matrix of a plan share. It is read once a second for
// all of them. Nobody gets one that was read before the event that his request found: he may have
// seen the event elsewhere, and will not see it again.
type matrices struct {
	mu     sync.Mutex
	byPlan map[plan.ID]*matrix
}

// matrix is one read of a matrix. ended is guarded by matrices.mu; seq, body and err are written
// before done is closed.
type matrix struct {
	begun time.Time
	ended bool
	done  chan struct{}
	seq   int64
	body  encoded
	err   error
}

func newMatrices() *matrices { return &matrices{byPlan: make(map[plan.ID]*matrix)} }

// get returns a matrix of the plan that was read at the event seq or later. It calls read, unless
// another call does or did, and returns its error to all that wait for it; but if the context of
// the one that reads has ended, another reads.
func (m *matrices) get(ctx context.Context, id plan.ID, seq int64, read func(plan.ID) (int64, encoded, error)) (encoded, error) {
	for {
		x, own := m.join(id)
		if own {
			m.read(x, id, read)
			return x.body, x.err
		}
		select {
		case <-x.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		switch {
		case errors.Is(x.err, context.Canceled) || errors.Is(x.err, context.DeadlineExceeded):
			continue
		case x.err != nil || x.seq >= seq:
			return x.body, x.err
		}
		if err := sleepUntil(ctx, x.begun.Add(matrixInterval)); err != nil {
			return nil, err
		}
	}
}

// join returns the read of a matrix that there is, or a new one, which is the caller's own to do.
// It drops all that are too old.
func (m *matrices) join(id plan.ID) (x *matrix, own bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.byPlan, func(_ plan.ID, x *matrix) bool { return x.ended && time.Since(x.begun) >= matrixInterval })
	if x = m.byPlan[id]; x != nil {
		return x, false
	}
	x = &matrix{begun: time.Now(), done: make(chan struct{}), err: errors.New("ops: the read of a matrix panicked")}
	m.byPlan[id] = x
	return x, true
}

// read does a read, and keeps it if it succeeds.
func (m *matrices) read(x *matrix, id plan.ID, read func(plan.ID) (int64, encoded, error)) {
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if x.ended = true; x.err != nil {
			delete(m.byPlan, id)
		}
		close(x.done)
	}()
	x.seq, x.body, x.err = read(id)
}

// sleepUntil returns at the time, or with an error when ctx ends.
func sleepUntil(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
