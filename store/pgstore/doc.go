// Package pgstore keeps plans in PostgreSQL, 14 and later: for services of any number of processes
// that have it already. docs/postgres.md has the tables, the grants, how to read them by hand, and
// what to do when something is wrong.
//
//	err := pgstore.Migrate(ctx, ownerURL, pgstore.Config{}) // or run SQL with a tool of your own
//	...
//	s, err := pgstore.Open(ctx, url, pgstore.Config{})
//	...
//	defer s.Close()
//
// # How a commit is carried out
//
//	callers          goroutine of the plan               server
//	  │  commits       │                                   │
//	  ├───────────────►│ take all commits that wait        │
//	  │                ├── BEGIN, lock facts, read plan ──►│
//	  │                ├── read tasks, claims, queues ────►│
//	  │                │   rules.Commit for each           │
//	  │                ├── write what has changed, COMMIT ►│ WAL
//	  │◄───────────────┤ answer all                        │
//
// While a transaction is under way the next commits of the plan come together; there is no timer.
// What writes one group is sent with what reads for the next. Commands, and everything else that
// writes, have a transaction each, which locks the same row.
//
// Usually nothing is read: the process has kept what its last commit left of the plan, and its
// first statement changes the facts of the revision that was kept. If somebody else has changed the
// plan since, there are none, the transaction fails, and the commits are carried out as above.
//
// Invariants:
//
//   - Facts are locked in a statement of its own; what was read was read by later statements.
//   - What was answered is committed. Nothing is answered from memory unless the server has said,
//     in the same transaction, that it is still the same: what a plan was created with, what its
//     commands have decided, and what the last commit of this process has left of it.
//   - Whatever changes anything of a plan draws a new revision of its facts, at random.
//   - A statement that has not met the rows that were read fails, and so does its transaction.
//   - A transaction that writes locks facts, tasks, agenda, unread and token_limit in this order,
//     and rows of one table by their keys.
//   - Nothing of a transaction is left on its connection. With Config.Prepare, a connection has
//     settings and prepared statements of its own.
//   - Time is the server's clock, read after the lock. Where nothing is read it is what the server
//     said within the last second, and what has passed since by the clock of the process.
//
// # In a transaction of the host's
//
// [Store.Tx] is for cutover.CreateIn: a plan that exists if and only if the host commits.
//
// # What is not there
//
// Hints are of one process, and others look at the agenda, unless Config.Listen is set.
//
// # Failures
//
//	no answer, the server ends or starts, a lock    a passing fault (store.Temporary): it is unknown
//	or the disk's room is not to be had             whether the call took effect, unless the server
//	                                                has answered; to send it again is safe
//	the server refuses a statement for good         *ServerError with its SQLSTATE
//	a row makes no sense                            store.ErrCorrupt: table, plan, ordinal
//	the store was closed                            ErrClosed
package pgstore
