package renewal

import "time"

// Task is what Register takes: keys to keep alive, and how.
//
// The keys must exist and have their TTL already: the service renews, it does not
// create. Register right after setting them.
type Task struct {
	// ID names the task within its service. Empty: the service makes one.
	ID string
	// Keys are the keys to renew; each gets its own outcome. Empty if the policy
	// has a selector, required otherwise.
	Keys []string
	// Owner is the token that the keys must hold as their value: a key with
	// another value is lost, and is never extended. Empty: not checked, which is
	// right for keys whose name contains a unique owner.
	Owner string
	// Since is when the command that last set the TTL was sent; the local
	// deadline counts from it until the first renewal. Zero: the moment of
	// Register. With a TTL from a function it is not used: the deadline counts
	// from the first renewal.
	Since time.Time
	// Policy is required. It is shared by any number of tasks and must not be
	// changed once it has been registered.
	Policy *Policy
}

// Status is what is known about a task at one moment.
type Status struct {
	ID       string
	Labels   map[string]string // the policy's, not to be changed
	Keys     int               // those still renewed
	NextDue  time.Time         // next tick; zero after the end
	Deadline time.Time         // earliest local deadline of its keys; zero if there is none
	Renewals int               // ticks in which at least one key was renewed
	Failures int               // refreshes of single keys that failed
	Reason   Reason            // Live until the end
}

// Result is how a task ended. While it lives, Reason is Live and the counters are
// those so far.
type Result struct {
	ID       string
	Reason   Reason
	Renewals int
	Failures int
	// Err is the last error: for a task that is lost the *LostError, otherwise
	// the last failure if there was one.
	Err   error
	Ended time.Time
}
