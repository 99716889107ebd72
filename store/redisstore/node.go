package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/await"
)

// answerTimeout is how long a call waits for a server before it asks the server for a sign of life,
// and then how long the server may take to give one.
const answerTimeout = time.Second

// silentError means that a call was not sent, or that its caller stopped waiting, because the
// server answers nothing at all: it is frozen, or cut off without notice. silentError becomes a
// passing fault.
type silentError struct{ addr string }

func (e *silentError) Error() string {
	return fmt.Sprintf("redisstore: %s does not answer", e.addr)
}

// node records whether one server answers.
//
// A frozen server accepts connections and answers nothing, and the client waits for it until its
// read timeout, several times over. A silent server should delay the calls that need it only for a
// moment, and all others not at all. So a call that waits too long asks the server for a sign of
// life; only one such question is under way at a time. Without an answer the server counts as
// silent: calls that wait for it return a passing fault, and new calls are refused immediately,
// until the server answers something again. If the server answers other calls or the question, the
// call goes on waiting, because a script may be long, and writes may be paused.
//
// Invariant: while the server is silent, at most one question is under way, and no other call is
// sent. So the number of goroutines that still wait for it, each until the client's timeouts or the
// next answer, does not grow, however long the server stays silent.
type node struct {
	addr string
	ping func(context.Context) error

	silent atomic.Bool
	heard  atomic.Int64 // when it answered last, as a duration since begin

	mu       sync.Mutex
	question chan struct{} // closed at the end of the question under way; nil if there is none
}

// begin is the time from which since and heard count.
//
//nolint:gochecknoglobals // a constant of the process
var begin = time.Now()

func since() time.Duration { return time.Since(begin) }

// note records how a call ended: every result except a timeout shows that the server answers, or
// that the client itself notices that the server does not.
func (n *node) note(err error) {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, redis.ErrPoolTimeout) {
		return
	}
	n.heard.Store(int64(since()))
	if n.silent.Load() {
		n.silent.Store(false)
	}
}

// judge marks the server as silent unless it has answered anything after the given time. It returns
// false if it has marked the server.
func (n *node) judge(after time.Duration) (answers bool) {
	heard := func() bool { return time.Duration(n.heard.Load()) > after }
	if heard() { // a mark, if only for a moment, would have calls refused
		return true
	}
	n.silent.Store(true)
	if heard() { // perhaps before the mark
		n.silent.Store(false)
	}
	return !n.silent.Load()
}

// inquire asks the server for a sign of life, unless a question is under way, and returns a channel
// that is closed at the end of the question.
func (n *node) inquire() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.question != nil {
		return n.question
	}
	done := make(chan struct{})
	n.question = done
	asked := since()
	late := time.AfterFunc(answerTimeout, func() { n.judge(asked) })
	go func() {
		n.note(n.ping(context.Background()))
		late.Stop()
		n.judge(asked)
		n.mu.Lock()
		n.question = nil
		n.mu.Unlock()
		close(done)
	}()
	return done
}

// refuse returns an error if the server is silent, and then asks the server for a sign of life.
func (n *node) refuse() error {
	if n.silent.Load() {
		n.inquire()
		return &silentError{n.addr}
	}
	return nil
}

// answers reports whether the server gives a sign of life within d, or has given one in the last d.
// It also returns true if ctx ends first.
func (n *node) answers(ctx context.Context, d time.Duration) bool {
	asked := since()
	if time.Duration(n.heard.Load()) > asked-d && n.heard.Load() > 0 {
		return true
	}
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-n.inquire():
	case <-late.C:
	case <-ctx.Done():
		return true
	}
	return n.judge(asked)
}

// watch returns a context that ends, with a *silentError as its cause, when the server turns out to
// be silent. d is how long the server may leave the caller, and then the question, without an
// answer.
func (n *node) watch(ctx context.Context, d time.Duration) (watched context.Context, done func()) {
	watched, end := context.WithCancelCause(ctx)
	timer := time.AfterFunc(d, func() {
		for watched.Err() == nil && n.answers(watched, d) {
			rest(watched, d)
		}
		end(&silentError{n.addr})
	})
	return watched, func() { timer.Stop(); end(nil) }
}

// rest waits for d or the end of ctx.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func askNode[T any](ctx context.Context, n *node, d time.Duration, f func(context.Context) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if err := n.refuse(); err != nil {
		return none, err
	}
	watched, done := n.watch(ctx, d)
	defer done()
	v, err := await.Value(watched, func(ctx context.Context) (T, error) {
		v, err := f(ctx)
		n.note(err)
		return v, err
	})
	if watched.Err() == nil {
		return v, err
	}
	n.inquire() // for later callers
	if ctx.Err() == nil {
		err = context.Cause(watched)
	}
	return v, err
}

// nodes are the servers that a client talks to.
type nodes struct {
	rdb redis.UniversalClient

	mu     sync.RWMutex
	byAddr map[string]*node
}

// maxNodes is the maximum number of servers that a client remembers.
const maxNodes = 1000

// of returns the node that has key; for a client without a cluster, the only node.
func (s *nodes) of(ctx context.Context, key string) (*node, error) {
	c, ok := s.rdb.(*redis.ClusterClient)
	if !ok {
		return s.named(address(s.rdb), s.rdb), nil
	}
	// MasterForKey does not wait: the client has known the cluster since Open.
	master, err := c.MasterForKey(ctx, key)
	if err != nil {
		return nil, err
	}
	return s.named(master.Options().Addr, master), nil
}

// named returns the node with that address, which client talks to.
func (s *nodes) named(addr string, client redis.UniversalClient) *node {
	s.mu.RLock()
	n := s.byAddr[addr]
	s.mu.RUnlock()
	if n != nil {
		return n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n = s.byAddr[addr]; n != nil {
		return n
	}
	if len(s.byAddr) >= maxNodes { // nothing shows which nodes no longer exist
		clear(s.byAddr)
	}
	n = &node{addr: addr, ping: func(ctx context.Context) error {
		if c, ok := s.rdb.(*redis.ClusterClient); ok {
			c.ReloadState(ctx) // a replica may have taken over
		}
		return client.Ping(ctx).Err()
	}}
	s.byAddr[addr] = n
	return n
}
