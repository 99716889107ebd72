// Package sqlitestore keeps plans in a file, with SQLite: for a service of one process, with
// nothing to install. docs/sqlite.md has the tables, how to read them by hand, and what to do when
// something is wrong.
//
//	s, err := sqlitestore.Open(ctx, "/var/lib/service/plans.db", sqlitestore.Config{})
//	...
//	defer s.Close()
//
// One process at a time works on a file. A second one gets an *InUseError that names the first.
// When a process ends, however it does, the next one opens the file and goes on at once: the lock
// of the file proves that no worker of before is left, so no lease has to run out.
//
// # How a call is carried out
//
//	caller            writer (one goroutine)            file
//	  │  job              │                               │
//	  ├──────────────────►│ take all jobs that wait       │
//	  │                   ├── BEGIN IMMEDIATE ───────────►│
//	  │                   │   for each: load rows,        │
//	  │                   │   rules.Commit or .Apply;     │
//	  │                   │   write what has changed      │
//	  │                   ├── COMMIT: one fdatasync ─────►│ WAL
//	  │                   │   agenda, hints               │
//	  │◄──────────────────┤ answer all                    │
//
// While a transaction is under way the next jobs come together, so that a sync is shared by all
// that wait; there is no timer. Queries have connections of their own, and see the last
// transaction that was answered, or a later one.
//
// Invariants:
//
//   - What was answered is on the disk: WAL with synchronous=FULL. TestTornWrites lets the power
//     fail before every write.
//   - A job that fails after it has written something is rolled back with its whole group, and the
//     group is then carried out one by one. So a job may run more than once, and sets its results
//     anew each time.
//   - What commits have changed is written before a job of another kind, and before the end of the
//     transaction. Nobody reads a table meanwhile that has not what the rules know.
//   - Of tasks that workers hold, and of claims, the table recent counts before the tables task and
//     claim, for the writer by what it remembers, for readers by loadRows: a row a transaction
//     instead of rows of each task. The writer forgets nothing that only the table recent has.
//   - What is in memory alone (agenda, leases, the plans that the writer remembers) can be made
//     anew from the file: all plans are due when the file is opened, all leases are over, and a
//     rolled back transaction empties what the writer remembers.
//   - The agenda and the hints learn of a step when it is on the disk, and before its caller is
//     answered.
//
// # Large plans
//
// No call looks at more than a window of 1,000 tasks in search of one to claim; where it ended is
// stored, and the next call goes on there. Memory does not grow with a plan. Two looks for damage
// are longer: at the tasks in flight without a worker when a plan is read first, and at all tasks
// when a round of undos of a sequential plan ends.
//
// # Failures
//
//	the disk is full, cannot be read, another       a passing fault (store.Temporary) that names
//	program holds the file for five seconds         the file; nothing was written
//	a sync failed                                   *FileError, until the file is opened again:
//	                                                what the system then says is not true
//	the file or its log was deleted, moved or       *FileError, until the file is opened again:
//	replaced while it was open                      what is written is gone with the process
//	a row makes no sense                            store.ErrCorrupt: file, table, plan, ordinal
//	the store was closed                            ErrClosed
package sqlitestore
