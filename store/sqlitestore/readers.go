package sqlitestore

import (
	"context"
	"errors"
	"sync"
)

// readers are connections for queries. They are opened as they are needed.
type readers struct {
	open func() (*conn, error)
	free chan *conn // nil stands for one that is not open yet

	mu      sync.Mutex
	over    bool
	backups sync.WaitGroup // none begins once over is set
}

func newReaders(n int, open func() (*conn, error)) *readers {
	r := &readers{open: open, free: make(chan *conn, n)}
	for range n {
		r.free <- nil
	}
	return r
}

// read calls f with a connection on which everything is of one moment. f returns soon after ctx has
// ended.
func (r *readers) read(ctx context.Context, f func(c *conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var c *conn
	select {
	case c = <-r.free:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { r.free <- c }()
	if r.isOver() {
		return ErrClosed
	}
	if c == nil {
		opened, err := r.open()
		if err != nil {
			return err
		}
		c = opened
	}
	return c.fault(ctx, c.snapshot(ctx, f))
}

// snapshot runs f in a transaction that only reads.
func (c *conn) snapshot(ctx context.Context, f func(c *conn) error) error {
	c.SetInterrupt(ctx)
	defer c.SetInterrupt(context.Background())
	if err := c.exec("BEGIN"); err != nil {
		return err
	}
	err := f(c)
	c.SetInterrupt(context.Background())
	if again := c.exec("ROLLBACK"); err == nil {
		err = again
	}
	return err
}

func (r *readers) isOver() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over
}

// backup calls f, which has a connection of its own.
func (r *readers) backup(f func() error) error {
	r.mu.Lock()
	if r.over {
		r.mu.Unlock()
		return ErrClosed
	}
	r.backups.Add(1)
	r.mu.Unlock()
	defer r.backups.Done()
	return f()
}

// close waits for the queries and backups under way and closes all connections.
func (r *readers) close() (err error) {
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
	r.backups.Wait()
	var all []*conn
	for range cap(r.free) {
		all = append(all, <-r.free)
	}
	for _, c := range all {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
		r.free <- nil
	}
	return err
}

// read calls f with a connection for queries.
func (s *Store) read(ctx context.Context, f func(c *conn) error) error { return s.readers.read(ctx, f) }
