// Package control is what the gateways over proxies have in common: it changes the table of wanted
// rows, makes every proxy of the fleet equal to the table, and asks through the data path whether
// requests are answered by the new row.
//
//	Switch:  change the table -> bring each member up to it -> ask each member
//	            |                   |                            |
//	            +- all changes      +- one synchronisation for   +- until every member of the
//	               that wait are       all that wait for it         fleet serves the row
//	               one Save
//
// The caller that saves changes for others also asks for them, and tells them what is confirmed; a
// caller that is told less finds out by itself.
//
// # Invariants
//
//   - A row's revision is the revision of the table in which it was written, so a later row of a
//     tenant has a greater revision.
//   - A row is written only under a token that is not lower than the row's.
//   - A switch succeeds only if every proxy that the fleet lists at the end has served its row over
//     a new connection, and the fleet is not empty.
//   - A synchronisation that serves a caller has loaded the table after the caller's change.
//
// # When something fails
//
//	what fails                               what happens
//	the answer to a Save is lost             the table is loaded again: a row that is there with the
//	                                         change's colour and token is the change
//	another process saves the table          the changes are decided and saved again
//	a caller that saves or synchronises for  the next one that waits takes over
//	others is canceled
//	a proxy is not confirmed in time         the row is put back, as a change of its own, unless the
//	                                         caller has been canceled or another row is current
//	the process dies                         the row stays; the next Current or Switch finishes it
//	a proxy is restarted, or reloads a file  Run notices and brings it up to date
//	that it read before the change
//
// No goroutine outlives a call: the callers themselves take turns at the table and at each member.
package control
