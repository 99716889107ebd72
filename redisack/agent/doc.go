// Package agent is the client half of redisack: it keeps a process at the configuration that is
// current in Redis, and reports what the process runs.
//
// The agent subscribes to the announcements, but uses them only as a signal to read: it reads the
// head record and the payload together after every announcement, after every (re)subscription, and
// on a timer. An announcement that is lost, repeated or late is therefore harmless. The host's
// function applies the payload; the agent reports a revision as applied only after the function has
// returned nil. It goes on reading while the function runs: when another configuration becomes
// current, the agent ends the function's context, and applies the current configuration after the
// function has returned.
//
//	the host's function returns        reported     what follows
//	nil                                applied      nothing until the next revision
//	an error from Retry                failed       the agent tries again with growing pauses
//	any other error, or it panics      rejected     this process does not try this revision again
//	or ends its goroutine
//	(another write is current)         failed       the current write is applied
//	(Run's context has ended)          failed       nothing: Run is over
//
// ServeHTTP serves the report; with Config.Push the agent also acknowledges in a Redis stream.
// Neither contains the payload. Of this module the package imports only what both halves of
// redisack share; it does not depend on the writer's half.
//
// Errors: New returns an *InvalidError, which matches ErrInvalid, for invalid arguments. Run
// returns ErrRunning if another Run of the agent has not returned, and otherwise nil when its
// context has ended.
package agent
