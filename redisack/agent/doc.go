// Package agent is the client half of redisack: it keeps a process at the configuration that is
// current in Redis, and reports what the process really runs.
//
// It subscribes to the announcements, but believes only what it reads: the head record and the
// payload are read together after every announcement, after every (re)subscription, and on a timer.
// An announcement that is lost, repeated or late is therefore harmless. The host's function applies
// the payload; only after it has returned nil is the revision reported as applied. While it works
// the agent goes on reading: when another configuration becomes current, the function's context
// ends, and what is current is applied next.
//
//	the host's function returns        reported     what follows
//	nil                                applied      nothing until the next revision
//	an error from Retry                failed       tried again with growing pauses
//	any other error, or it panics      rejected     this process does not try this revision again
//	or ends its goroutine
//	(another one is current)           failed       that one is applied
//	(the context has ended)            failed       nothing: Run is over
//
// The report is served by ServeHTTP and, if asked for, pushed to a Redis stream. It carries no
// payload. The package imports of this module only what both halves of redisack have to agree on;
// it has no part in who waits for whom.
//
// Errors: New returns an *InvalidError, which matches ErrInvalid, for arguments that cannot work;
// Run returns ErrRunning when it is running already, and otherwise only nil, when its context has
// ended.
package agent
