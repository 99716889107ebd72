// Package hostcall calls host functions. It bounds the number of concurrent calls and their time.
//
// # State model of a call
//
//	Submit -> queued -> running -> returned            Run has returned within the budget
//	             |         |
//	             |         +-----> given up            GiveUp; Run may still return later
//	             +-> abandoned                         Abandon; Run is never called
//
// # Invariants
//
//   - For each call that Submit accepts, exactly one of Run and Abandon is called, once.
//   - GiveUp is called at most once, and never after a Run that returned within the budget.
//   - running <= max: calls within their budget. A call that is given up no longer counts,
//     so the number of goroutines may exceed max by the number of functions that hang.
//
// # Failures
//
//	the function panics              Run has to recover the panic: the pool does not
//	it calls runtime.Goexit          GiveUp(ErrGoexit); another goroutine takes its place
//	it does not return               its context ends after the budget, GiveUp(ErrBudget); its
//	                                 goroutine continues and is counted by Goroutines
//	more functions hang than max     the pool still makes other calls
//	the pool is closed               queued calls are abandoned, the contexts of running calls end
package hostcall

import "errors"

var (
	// ErrBudget is passed to GiveUp of a call that has not returned within the budget.
	ErrBudget = errors.New("renewal: function of the host exceeded its time budget")
	// ErrGoexit is passed to GiveUp of a call whose function ended its goroutine.
	ErrGoexit = errors.New("renewal: function of the host called runtime.Goexit")
)
