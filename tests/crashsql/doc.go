// Package crashsql breaks real processes over the stores of package pgstore and sqlitestore, and a
// real PostgreSQL, and counts what that costs. Package tests/crash, which does so with Redis, says
// what is counted; both stand on internal/crashtest. It is a module of its own because of the
// drivers.
//
// Over PostgreSQL workers are killed at every boundary and at any moment, and frozen beyond their
// leases. The server, one of its backends, its connections and a PgBouncer in transaction mode are
// killed; the server is away and frozen for longer than a lease; its answers are cut in the middle,
// and its disk is full, that of the tables or that of the write-ahead log; a streaming replica
// takes over, a synchronous one and one that lags. Over a file there is one process at a time,
// which is killed at every boundary, and at any moment several times in a row; the next one goes on
// at once, whatever the lease was. It is frozen, and its disk is full.
//
// The rows with a full disk mount a small file system, so they need root; others skip them.
//
// # How to run
//
//	GOWORK=off go test -tags crash .                                         for a quick look
//	make crash-sql                                                           every kind of fault
//	make crash-sql-long                                                      every fault
//
// Of the calls at which workers die a run takes a third, another one each time (CUTOVER_RUN); with
// CUTOVER_FULL=1 it takes all.
package crashsql
