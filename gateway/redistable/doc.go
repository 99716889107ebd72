// Package redistable keeps the table of wanted routes in Redis, for gateways whose processes run on
// several machines.
//
//	table, err := redistable.New(rdb, "acme:routes")
//	...
//	gw, err := haproxy.New(haproxy.Config{Table: table, ...})
//
// A change is one script that compares the revision and writes the changed rows; rows that a
// process has are not sent to it again. Changes of more than 2,000 rows are sent ahead in pieces,
// so that no script holds Redis up for longer than some milliseconds.
//
// # Keys
//
// All keys have the hash tag {NAME}, so a cluster keeps them on one node.
//
//	{NAME}:head           hash    revision, id of the last save, number of rows
//	{NAME}:rows           hash    tenant -> colour|revision|token
//	{NAME}:log            stream  the last 256 saves, by revision; without the rows of large ones
//	{NAME}:new:ID         hash    rows that were sent ahead; at most a minute
//	{NAME}:lock:INSTANCE  string  who brings an instance up to date; at most 30 s after its death
//
// # When something fails
//
//	what fails                             what happens
//	the answer to a save is lost           go-redis sends it again: a save that has taken effect is
//	                                       recognised by its id and not made twice
//	another process saves at the same      [gateway.ErrConflict]; gateways decide and save again
//	time
//	Redis does not answer                  an error when the context ends; the rows may have been
//	                                       saved or not, and the next Load says which
//	a process dies with a lock             the lock ends 30 s later
//	a key has another type, is malformed,  [gateway.ErrDamaged]; nothing is changed
//	evicted or lost alone
//	Redis is restored from a copy, or      [gateway.ErrDamaged] in a process that has seen a later
//	loses the last changes in a failover   revision; in others as soon as a proxy is found to serve
//	                                       a later row; see [Table.Recover]
//	Redis is full                          an error, and nothing is changed
//	a right is missing                     an error that names the command; nothing is changed
//
// A save is as durable as a write to Redis: set appendfsync always, or accept that a crash of the
// server loses the last second, which is then reported as above. docs/gateways.md has the rights
// that a user of Redis needs.
//
// The package imports gateway and go-redis. A lock has a goroutine that renews it; nothing else
// outlives a call, except for a command to a server that does not answer.
package redistable
