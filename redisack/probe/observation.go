package probe

import "time"

// Observation is what one process reports about itself. At least one of Rev, Version, WriteID, Sum
// and Nothing is set; the other fields may be empty. The more fields are set, the more reliable is
// the comparison.
type Observation struct {
	// Instance is the id of the process that answered, if it names itself. If it differs from
	// Endpoint.ID, another process uses the address now. One instance behind two URLs counts once.
	Instance string
	// Boot is different after every start of the process.
	Boot string
	// Rev, Version, WriteID and Sum describe the write that the process runs: its own code has
	// applied it. A write that was only received does not belong here.
	Rev                   uint64
	Version, WriteID, Sum string
	// Nothing means that the process has applied nothing yet. It is then behind, which is not an
	// error.
	Nothing bool
	// Attempt is what the process last tried to apply, if it reports that.
	Attempt *Attempt
	// Status is the HTTP status of the answer, zero when there is none.
	Status int
}

// Attempt is what a process last tried to apply.
type Attempt struct {
	Rev              uint64
	Version, WriteID string
	// Rejected means that the process rejected the write and will not try this revision again.
	Rejected bool
	// Error is the reason that the process gives.
	Error string
	At    time.Time
}
