package renewal

import "time"

// Task is a set of keys to keep alive and the policy for doing so. [Service.Register] takes it.
//
// The keys must exist and have their TTL already: the service renews, it does not
// create. Register right after setting them.
type Task struct {
	// ID names the task within its service. Empty: the service generates one.
	ID string
	// Keys are the keys to renew; each gets its own outcome. Empty if the policy
	// has a selector, required otherwise.
	Keys []string
	// Owner is the token that the keys must hold as their value: a key with another value is lost,
	// and is never extended. Empty: the value is not checked, which suits keys whose names contain
	// an owner's unique id.
	Owner string
	// Since is when the command that last set the TTL was sent; the local
	// deadline counts from it until the first renewal. Zero: the moment of
	// Register. With a TTL from a function it is not used: the deadline counts
	// from the first renewal.
	Since time.Time
	// Policy is required. It may be shared by any number of tasks and must not be changed after it
	// has been registered.
	Policy *Policy
}

// Status is a snapshot of a task.
type Status struct {
	ID       string
	Labels   map[string]string // of the policy; must not be modified
	Keys     int               // number of keys that are still renewed
	NextDue  time.Time         // next tick; zero after the end
	Deadline time.Time         // earliest local deadline of its keys; zero if there is none
	Renewals int               // ticks in which at least one key was renewed
	Failures int               // refreshes of single keys that failed
	Reason   Reason            // Live until the end
}

// Result describes how a task ended. While the task lives, Reason is Live and the counters count up
// to now.
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
