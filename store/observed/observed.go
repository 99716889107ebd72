// Package observed lets a host observe the calls of a store: how many there are, how long they take
// and how they end, for metrics and traces.
//
//	engine, err := cutover.New(observed.New(s, observer), config)
//
// Hooks report the failed calls that nobody gets as an error; an observer sees each call, and those
// that are repeated one by one.
package observed

import (
	"context"

	"github.com/cutover-go/cutover/internal/nilcheck"
	"github.com/cutover-go/cutover/store"
)

// Observer is told about every call of a store. Its methods are called by the goroutine that makes
// the call, at the same time by many of them, and delay it; they must not panic.
type Observer interface {
	// Begin is called before a call. The call gets the context that Begin returns, which must
	// derive from ctx, and End gets that and the mark: what the observer wants to know at the end,
	// for instance when the call began.
	Begin(ctx context.Context, op Op) (_ context.Context, mark int64)
	// End is called after the call, with its error.
	End(ctx context.Context, op Op, mark int64, err error)
}

// New returns a store that makes the calls of s and tells o about each, but for Listen. If one of
// the two is nil, New returns s.
func New(s store.Store, o Observer) store.Store {
	if nilcheck.IsNil(s) || nilcheck.IsNil(o) {
		return s
	}
	return &observed{
		creator{s, o},
		writer{s, o},
		leaser{s, o},
		registry{s, o},
		locker{s, o},
		places{s, o},
		agenda{s, o},
		cursors{s, o},
		subscriptions{s, o},
		reader{s, o},
	}
}

// observed has the methods of a store by its roles.
type observed struct {
	creator
	writer
	leaser
	registry
	locker
	places
	agenda
	cursors
	subscriptions
	reader
}

var _ store.Store = (*observed)(nil)
