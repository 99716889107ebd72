package redisack

import (
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// member is one endpoint of a run. The run's goroutine owns it; an attempt gets copies of what it
// needs.
type member struct {
	// Owned by the fleet.
	ep          Endpoint
	row         EndpointReport // its Reason is set when the row is reported
	status      status
	instance    string  // the instance that answers, as it names itself
	displaced   bool    // gone, because another instance answers at its address
	replacement *member // that instance; nil if joiners are ignored

	// Owned by the schedule.
	due     time.Duration // when the next attempt starts; during an attempt, when it counts as hung
	pos     int           // index in the agenda, -1 outside it
	running bool          // an attempt has not returned
	hung    bool          // an attempt has not returned although its time is over
	slow    bool          // the last attempt timed out: use the slow queue
	last    bool          // the attempt at the end of the run's time has been made or planned
	timeout time.Duration // of the next attempt
	waits   int           // consecutive answers of a client that does not run the target yet

	// Known from its answers.
	delays     Delays        // created at the first error
	err        *ProbeError   // the last error
	unverified bool          // the member reports a newer revision, and the head is being read to verify it
	boot       string        // of the process that answered last
	rejectedBy string        // boot of the process that rejected the write
	matches    int           // consecutive matches
	firstMatch time.Duration // time of the first of these matches
}

// answeredBy records the instance that answers.
func (m *member) answeredBy(instance string) {
	m.instance, m.row.Instance = instance, cleanID(instance)
}

// overruledBy reports whether a report of the process boot overrules the final status of the
// member: after a restart a client may accept what it rejected before, or reject what it confirmed.
// The first final report of each process stands.
func (m *member) overruledBy(verdict Verdict, boot string) bool {
	if m.status == statusRejected {
		return verdict != VerdictRejected && boot != "" && boot != m.rejectedBy
	}
	return m.status == statusConfirmed && verdict == VerdictRejected && (boot == "" || boot != m.boot)
}

func cleanID(id string) string { return wire.Clean(id, maxVersion) }
