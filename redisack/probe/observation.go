package probe

import "time"

// Observation is what one process says of itself. At least one of Rev, Version, WriteID and Sum is
// set, or Nothing; every other field may be empty. The more there is, the surer the comparison.
type Observation struct {
	// Instance is the id of the process that answered, if it names itself. Compare it with
	// Endpoint.ID: an address may have been reused. One instance behind two URLs counts once.
	Instance string
	// Boot changes with every start of that process.
	Boot string
	// Rev, Version, WriteID and Sum describe what the process has applied, that is, what its own
	// code has taken over. What it has merely received does not belong here.
	Rev                   uint64
	Version, WriteID, Sum string
	// Nothing means that the process has applied nothing yet: it is behind, which is no error.
	Nothing bool
	// Attempt is what the process last tried to apply, if it says so.
	Attempt *Attempt
	// Status is the HTTP status of the answer, zero when there is none.
	Status int
}

// Attempt is what a process last tried to apply.
type Attempt struct {
	Rev              uint64
	Version, WriteID string
	// Rejected means that it refused, and that this process will not try this revision again.
	Rejected bool
	// Error is the reason, in the process's own words.
	Error string
	At    time.Time
}
