package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/task"
)

// request is one wanted change of one row.
type request struct {
	tenant   string
	from, to string
	token    task.Token
	// ifRev, if it is not zero, is the only revision of the row that the request may replace.
	ifRev uint64

	moved bool         // the request was part of a Save that changes the colour
	done  chan outcome // receives one outcome; has room for it
}

// outcome is what became of a request.
type outcome struct {
	row   gateway.Row // the row that is current now
	moved bool        // the request has changed the colour
	err   error
}

// committer changes the table. All requests that wait become one change.
type committer struct {
	table gateway.Table
	row   func(gateway.Rows, string) gateway.Row // the row of a tenant, or where it is without one
	turn  turn

	mu      sync.Mutex
	waiting []*request
}

// submit carries out a request. If ctx ends first the request may take effect or not.
func (c *committer) submit(ctx context.Context, r request) outcome {
	r.done = make(chan outcome, 1)
	c.add(&r)
	select {
	case out := <-r.done:
		return out
	case <-ctx.Done():
		c.remove(&r)
		return outcome{err: ctx.Err()}
	case c.turn <- struct{}{}:
	}
	defer c.turn.end()
	select {
	case out := <-r.done:
		return out
	default:
	}
	c.commit(ctx, c.take())
	c.remove(&r)
	select {
	case out := <-r.done:
		return out
	default:
		return outcome{err: context.Cause(ctx)}
	}
}

func (c *committer) add(r ...*request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, r...)
}

func (c *committer) take() []*request {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.waiting
	c.waiting = nil
	return all
}

func (c *committer) remove(r *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.waiting {
		if other == r {
			c.waiting = append(c.waiting[:i:i], c.waiting[i+1:]...)
			return
		}
	}
}

// saveTries is the maximum number of tries to save a table that others keep saving.
const saveTries = 20

// savePause is the time after which a table that failed is tried once more.
const savePause = 100 * time.Millisecond

// commit carries out a batch. If ctx ends, or a function of the host panics, the requests that have
// no outcome wait again.
func (c *committer) commit(ctx context.Context, batch []*request) {
	defer func() { c.add(batch...) }()
	for try := 1; ; try++ {
		var err error
		if batch, err = c.try(ctx, batch); len(batch) == 0 || ctx.Err() != nil {
			return
		}
		conflict := errors.Is(err, gateway.ErrConflict)
		if conflict && try < saveTries {
			continue
		}
		if !conflict && try == 1 && !errors.Is(err, gateway.ErrDamaged) && Pause(ctx, savePause) == nil {
			continue // the answer may have been lost, or the fault is over
		}
		for _, r := range batch {
			r.done <- outcome{err: &tableError{err}}
		}
		batch = nil
		return
	}
}

// try loads the table, decides each request, and saves the table if a row has changed. It returns
// the requests that have no outcome yet, and why.
func (c *committer) try(ctx context.Context, batch []*request) (left []*request, err error) {
	rows, rev, err := c.table.Load(ctx)
	if err != nil {
		return batch, err
	}
	changed := make(gateway.Rows, len(batch))
	var outcomes []outcome // of the requests in left
	for _, r := range batch {
		found, ok := changed[r.tenant]
		if !ok {
			found = c.row(rows, r.tenant)
		}
		out := r.decide(found, rev+1)
		if out.err != nil || out.row.Rev <= rev {
			r.done <- out
			continue
		}
		changed[r.tenant] = out.row
		left, outcomes = append(left, r), append(outcomes, out)
	}
	if len(left) == 0 {
		return nil, nil
	}
	saved, err := save(ctx, c.table, rows, changed, rev)
	if err == nil && saved != rev+1 {
		err = fmt.Errorf("it was saved as revision %d, expected %d", saved, rev+1)
	}
	if err != nil {
		return left, err
	}
	for i, r := range left {
		r.done <- outcomes[i]
	}
	return nil, nil
}

// save saves a table of which some rows have changed.
func save(ctx context.Context, table gateway.Table, rows, changed gateway.Rows, rev uint64) (uint64, error) {
	if updater, ok := table.(gateway.Updater); ok {
		return updater.Update(ctx, changed, rev)
	}
	all := make(gateway.Rows, len(rows)+len(changed))
	maps.Copy(all, rows)
	maps.Copy(all, changed)
	return table.Save(ctx, all, rev)
}

// decide returns the outcome of a request for a tenant whose row is found. The row of the outcome
// has revision rev if it has to be written.
func (r *request) decide(found gateway.Row, rev uint64) outcome {
	next := gateway.Row{Colour: r.to, Rev: rev, Token: r.token}
	switch {
	case found.Colour == "":
		return outcome{err: errNoRow}
	case r.token < found.Token:
		return outcome{err: &fencedError{given: r.token, found: found.Token}}
	case found.Colour == r.to && found.Token == r.token && found.Rev > 0:
		return outcome{row: found, moved: r.moved} // moved if the answer to the Save was lost
	case r.ifRev != 0 && found.Rev != r.ifRev:
		return outcome{err: errSuperseded}
	case found.Colour == r.to:
		return outcome{row: next}
	case found.Colour == r.from:
		r.moved = true
		return outcome{row: next, moved: true}
	}
	return outcome{err: &movedError{found: found.Colour, from: r.from, to: r.to}}
}
