package renewal

import (
	"context"
	"errors"
	"time"
)

// The seam to Redis. What is timed runs in tests against an implementation in
// memory; redisBackend is the one in production.

// backend finds the node that holds a key. Its methods may do I/O.
type backend interface {
	// node returns the present holder of key. Nodes of the same name are the same
	// lane, though their connection may change.
	node(ctx context.Context, key string) (node, error)
	// reload looks at the topology anew, soon: a node is silent or does not hold a key.
	reload(ctx context.Context)
	// scan finds keys on all nodes, a page at a time.
	scan(match string, count int) scan
}

// node is one Redis server.
type node interface {
	name() string
	// refresh asks for all requests in one go and fills in their answers. It
	// returns within about the timeout, and touches no request afterwards.
	refresh(ctx context.Context, timeout time.Duration, reqs []request)
}

// scan is one pass over the keys. More is false after the last page. An error
// leaves out the rest of one node; the pass goes on with the next.
type scan interface {
	page(ctx context.Context) (keys []string, more bool, err error)
}

// locker holds the two scripts of a Lease.
type locker interface {
	// acquire sets key to token unless it exists; then it answers a *HeldError.
	acquire(ctx context.Context, key, token string, ttl time.Duration) (fence int64, err error)
	// release deletes key if it holds token; otherwise it answers a *LostError.
	release(ctx context.Context, key, token string) error
}

// keep says which TTLs a refresh leaves alone.
type keep uint8

const (
	keepNone       keep = iota
	keepPersistent      // XX
	keepLonger          // GT, which to Redis includes persistent keys
)

// request is one key of a batch, with room for the answer.
type request struct {
	key   *string
	owner *string // nil: not checked
	ttl   int64   // ms
	keep  keep
	slot  uint16 // of a cluster

	answer answer
	left   time.Duration // if a longer TTL was left alone: that TTL
	err    error         // of answerFailed
}

// unanswered tells whether the server said nothing about the key at all.
func (r *request) unanswered() bool {
	return r.answer == answerFailed && !isReply(r.err) && !errors.Is(r.err, ErrWrongType)
}

// answer is what became of a request.
type answer uint8

const (
	answerFailed answer = iota // the zero value, so that silence is no success
	answerRenewed
	answerMissing
	answerForeign
)
