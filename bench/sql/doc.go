// Package sqlbench measures cutover on PostgreSQL and on SQLite beside what a host would choose
// instead (River, DBOS) and beside floors: the bare work in the database and nothing else. All
// subjects run in one run, on one PostgreSQL that the run starts and on files of one disk, in
// turns, so that changes in the machine's load affect all alike.
//
//	make bench-sql                       # everything, about half an hour
//	make bench-pg-long                   # a transaction held open for 30 minutes
//	make bench-pg-long BENCH_HELD=5m     # a shorter one
//
// Flags of the package's tests choose less; see flags_test.go. Without the build tag rivals only
// cutover and the floors run, and the rivals are not compiled.
//
// # The work
//
// A task has three steps that do nothing, and saves 200 bytes after each of the first two. Every
// commit is on the disk before it is answered: fsync is on, and SQLite has synchronous=FULL, unless
// the name of a subject says otherwise.
//
//	cutover   one plan on an engine with all its features: events, fencing, tenant locks, leases
//	river     two UPDATEs of the job's metadata; polls and batches tuned
//	dbos      three steps of a workflow, run directly
//	floor     one transaction for all changes that wait, which compares tokens, counts, and writes
//	          one event; the claim of the next task rides with the end of the one before
package sqlbench
