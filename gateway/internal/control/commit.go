package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/task"
)

// request is one wanted change of one row.
type request struct {
	tenant   string
	from, to place
	token    task.Token
	// ifRev, if it is not zero, is the only revision of the row that the request may replace.
	ifRev uint64

	waiting bool         // in the committer's list, whose lock guards it
	moved   bool         // the request was part of a Save that changes the colour
	done    chan outcome // receives one outcome; has room for it
}

// outcome is what became of a request.
type outcome struct {
	row   gateway.Row // the row that is current now
	moved bool        // the request has changed the colour
	// confirmed means that every member of the fleet has served the row.
	confirmed bool
	// at is when the row was saved, or found; zero if there was an error.
	at  time.Time
	err error
}

// committer changes the table. All requests that wait become one change.
type committer struct {
	table gateway.Table
	row   func(gateway.Rows, string) gateway.Row // the row of a tenant, or where it is without one
	// confirm confirms what it can of requests whose rows are saved, and tells all their callers.
	confirm func(ctx context.Context, all []savedRequest, rev uint64)
	turn    turn

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
	saved, rev, left := c.saveWaiting(ctx, &r)
	if len(saved) > 0 {
		c.confirm(ctx, saved, rev)
	}
	if left {
		return outcome{err: context.Cause(ctx)}
	}
	select { // told above, or by the caller that has saved it
	case out := <-r.done:
		return out
	case <-ctx.Done():
		return outcome{err: ctx.Err()}
	}
}

// saveWaiting carries out the requests that wait, if r is one of them, and returns those that are
// saved; their callers are to be told. It gives the turn back. left means that r has not been
// carried out, because ctx has ended: whoever carries out a request is sure to tell its caller.
func (c *committer) saveWaiting(ctx context.Context, r *request) (saved []savedRequest, rev uint64, left bool) {
	defer c.turn.end()
	batch := c.take(r)
	if len(batch) == 0 {
		return nil, 0, false
	}
	defer func() { left = c.remove(r) }()
	saved, rev = c.commit(ctx, batch)
	return saved, rev, false
}

func (c *committer) add(all ...*request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, all...)
	for _, r := range all {
		r.waiting = true
	}
}

// take returns the requests that wait, or none if r does not.
func (c *committer) take(r *request) []*request {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !r.waiting {
		return nil
	}
	all := c.waiting
	c.waiting = nil
	for _, r := range all {
		r.waiting = false
	}
	return all
}

// remove makes a request wait no longer. It reports whether it waited.
func (c *committer) remove(r *request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !r.waiting {
		return false
	}
	r.waiting = false
	i := slices.Index(c.waiting, r)
	c.waiting = slices.Concat(c.waiting[:i], c.waiting[i+1:])
	return true
}

// saveTries is the maximum number of tries to save a table that others keep saving.
const saveTries = 20

// savePause is the time after which a table that failed is tried once more.
const savePause = 100 * time.Millisecond

// commit carries out a batch. If ctx ends, or a function of the host panics, the requests that have
// no outcome wait again. The callers of those that are saved are not told yet.
func (c *committer) commit(ctx context.Context, batch []*request) (saved []savedRequest, rev uint64) {
	defer func() { c.add(batch...) }()
	for try := 1; ; try++ {
		var err error
		if batch, saved, rev, err = c.try(ctx, batch); len(batch) == 0 || ctx.Err() != nil {
			return saved, rev
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
		return nil, 0
	}
}

// try loads the table, decides each request, and saves the table if a row has changed. It returns
// the requests that have no outcome yet, and why; or those that are saved, and the revision.
func (c *committer) try(ctx context.Context, batch []*request) (left []*request, saved []savedRequest, rev uint64, err error) {
	rows, rev, err := c.table.Load(ctx)
	if err != nil {
		return batch, nil, 0, err
	}
	changed := make(gateway.Rows, len(batch))
	for _, r := range batch {
		found, ok := changed[r.tenant]
		if !ok {
			found = c.row(rows, r.tenant)
		}
		out := r.decide(found, rev+1)
		out.at = time.Now()
		if out.err != nil || out.row.Rev <= rev {
			r.done <- out
			continue
		}
		changed[r.tenant] = out.row
		left, saved = append(left, r), append(saved, savedRequest{r, out})
	}
	if len(left) == 0 {
		return nil, nil, 0, nil
	}
	now, err := save(ctx, c.table, rows, changed, rev)
	if err == nil && now != rev+1 {
		err = fmt.Errorf("it was saved as revision %d, expected %d", now, rev+1)
	}
	if err != nil {
		return left, nil, 0, err
	}
	at := time.Now()
	for i := range saved {
		saved[i].out.at = at
	}
	return nil, saved, now, nil
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
	next, at := r.to.row(rev, r.token), placeOf(found)
	switch {
	case found.Colour == "":
		return outcome{err: errNoRow}
	case r.token < found.Token:
		return outcome{err: &fencedError{given: r.token, found: found.Token}}
	case at == r.to && found.Token == r.token && found.Rev > 0:
		return outcome{row: found, moved: r.moved} // moved if the answer to the Save was lost
	case r.ifRev != 0 && found.Rev != r.ifRev:
		return outcome{err: errSuperseded}
	case at == r.to:
		return outcome{row: next}
	case at == r.from:
		r.moved = true
		return outcome{row: next, moved: true}
	}
	return outcome{err: &movedError{found: at, from: r.from, to: r.to}}
}
