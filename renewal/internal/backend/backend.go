// Package backend defines the operations that renewal needs from Redis: find the node of a key, set
// the TTL of many keys in one call, scan for keys, acquire and release locks.
//
// renewal/internal/redisbackend implements them on a Redis client. Tests that depend on time use an
// implementation in memory, which follows the simulated clock of a synctest bubble.
package backend

import (
	"context"
	"errors"
	"time"
)

// ErrWrongType is the error of a key that is not a string and therefore cannot hold an owner's
// token.
var ErrWrongType = errors.New("renewal: key is not a string and cannot hold an owner's token")

// Backend finds nodes and keys. Its methods may do I/O.
type Backend interface {
	// Sole returns the node of all keys; nil in a cluster.
	Sole() Node
	// Node returns the node that holds key at present. Nodes of the same name share a queue, though
	// their connection may change.
	Node(ctx context.Context, key string) (Node, error)
	// Redirected returns a node for keys that node from redirects to node to, while their slot
	// moves. Its Refresh follows the redirection for every key.
	Redirected(from, to string) Node
	// Reload makes the backend read the topology again soon. It is called when a node does not
	// answer or no longer holds a key.
	Reload(ctx context.Context)
	// Scan finds keys on all nodes, a page at a time.
	Scan(match string, count int) Scan
}

// Node is one Redis server.
type Node interface {
	Name() string
	// Refresh sends all requests in one pipeline and fills in their answers. It returns
	// within about the timeout, and touches no request afterwards.
	Refresh(ctx context.Context, timeout time.Duration, reqs []Request)
}

// Scan is one pass over the keys. More is false after the last page. An error leaves out
// the remaining keys of one node; the pass goes on with the next node.
type Scan interface {
	Page(ctx context.Context) (keys []string, more bool, err error)
}

// Locker runs the scripts of a lease.
type Locker interface {
	// Acquire sets key to token unless it exists.
	Acquire(ctx context.Context, key, token string, ttl time.Duration) (Grant, error)
	// Release deletes key if it holds token: Renewed means deleted, Missing and Foreign report what
	// was there instead.
	Release(ctx context.Context, key, token string) (Answer, error)
}

// Grant is the answer to Acquire.
type Grant struct {
	Held  bool          // by another owner
	Left  time.Duration // TTL of the present holder, if Held; negative: without limit
	Fence int64         // number of the new holder, unless Held
}

// Keep selects the TTLs that a refresh does not change.
type Keep uint8

// The values of Keep.
const (
	KeepNone       Keep = iota // none: a refresh sets every TTL
	KeepPersistent             // those of persistent keys: XX
	KeepLonger                 // longer ones, and those of persistent keys: GT
)

// Option returns the option of PEXPIRE, which the scripts take as well.
func (k Keep) Option() string {
	return [...]string{KeepNone: "", KeepPersistent: "XX", KeepLonger: "GT"}[k]
}

// Request is one key of a call, with room for the answer.
type Request struct {
	Key   *string
	Owner *string // nil: not checked
	TTL   int64   // ms
	Keep  Keep
	Slot  uint16 // of a cluster

	Answer Answer
	Left   time.Duration // the longer TTL that was left unchanged, if any
	Err    error         // of Silent, Failed, Moved; a *Redirect for Redirected
}

// Answer is the result of a request.
type Answer uint8

const (
	// Silent means: the server did not answer. It is the zero value, so that a request that was
	// never sent does not count as a success.
	Silent Answer = iota
	// Failed means: the server refused.
	Failed
	// Moved means: the server refused because it does not serve the key at present.
	Moved
	// Redirected means: the server says which other node to ask.
	Redirected
	// Renewed means: the TTL was set, or left unchanged as Keep requires.
	Renewed
	// Missing means: the key does not exist.
	Missing
	// Foreign means: the key holds another owner's token.
	Foreign
)

// Redirect names the node that serves a key instead.
type Redirect struct {
	To    string // its address
	Moved bool   // permanently (MOVED); otherwise for this key only (ASK)
	Err   error  // as it came from Redis
}

func (r *Redirect) Error() string { return r.Err.Error() }

func (r *Redirect) Unwrap() error { return r.Err }

// Refused is the error of a call for which the user has too few permissions.
type Refused struct {
	Commands []string // that the user may not run
	Keys     []string // the user may not use at least one of these
	Err      error    // as it came from Redis
}

func (r *Refused) Error() string { return r.Err.Error() }

func (r *Refused) Unwrap() error { return r.Err }
