// Package storeclient is a thin client over the host's store, for everything of the engine but the
// commit path of the workers.
//
// It answers three questions once, so that no caller has to: how long a call is sent again while
// the store is away ([Client.Do], [Client.Retry]), to whom a failed call is reported
// ([Client.Fault]), and how a decision of the pure core is committed ([Client.Decide],
// [Client.Apply]): read the plan, let the core decide, commit with compare-and-set, and after a
// conflict read again.
//
// # Invariants
//
//   - A call is sent again only after an error that is store.Temporary, and only if the store knows
//     it again: a command by its id, a creation and a start by their marks, locks by their values.
//   - Whatever this process applies, its own goroutines learn of (Options.Changed), without waiting
//     for a hint of the store.
//   - An error that no caller gets is reported, once per failed call. That of a call which this
//     process gave up itself is not.
package storeclient
