package main

import (
	"context"
	"sync"
	"time"

	"github.com/cutover-go/cutover/store"
)

// timed is a store that records how long its commits take.
type timed struct {
	store.Store

	mu      sync.Mutex
	commits []commit
}

// commit is one call of Commit.
type commit struct {
	took  time.Duration
	ended time.Time
	// ends reports whether the commit ended a task.
	ends bool
}

func (t *timed) Commit(ctx context.Context, b *store.Batch) error {
	began := time.Now()
	err := t.Store.Commit(ctx, b)
	c := commit{ended: time.Now(), ends: len(b.Changes) > 0 && b.Changes[0].Kind != store.Save}
	c.took = c.ended.Sub(began)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.commits = append(t.commits, c)
	return err
}

// take returns the commits since the last call of take.
func (t *timed) take() []commit {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.commits
	t.commits = nil
	return all
}
