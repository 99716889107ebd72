// Package storeclient is a thin client over the host's store. All of the engine uses it, except the
// commit path of the workers.
//
// The client settles three questions in one place, so that its callers need not: how long a call is
// repeated while the store is unreachable ([Client.Do], [Client.Retry]), to whom a failed call is
// reported ([Client.Fault]), and how a decision of the pure core is committed ([Client.Decide],
// [Client.Apply]): read the plan, call the core to decide, commit with compare-and-set, and
// after a conflict read again.
//
// # Invariants
//
//   - A call is repeated only after an error that is store.Temporary, and only if the store
//     recognizes the repetition: a command by its id, a creation and a start by their marks, locks
//     by their values.
//   - The goroutines of this process learn of every decision that it applies (Options.Changed),
//     without waiting for a hint of the store.
//   - An error that is not returned to a caller is reported, once per failed call. The error of a
//     call that this process canceled itself is not reported.
package storeclient
