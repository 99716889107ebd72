package redisack

import (
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// member is one endpoint of a run. It belongs to the run's goroutine; an attempt gets copies of
// what it needs.
type member struct {
	// Owned by the fleet.
	ep          Endpoint
	row         EndpointReport
	status      status
	instance    string  // who answers, in its own words
	displaced   bool    // it is gone because another instance answers at its address:
	replacement *member // that one; nil if joiners are left out

	// Owned by the schedule.
	due     time.Duration // when the next attempt starts; while one is running, when it counts as hung
	pos     int           // the place in the agenda, -1 outside it
	attempt int           // counts the attempts
	running bool          // an attempt has not returned
	hung    bool          // it has not returned although its time is up
	slow    bool          // the last attempt timed out: use the slow queue
	last    bool          // the attempt at the end of the run's time has been made or planned
	timeout time.Duration // of the next attempt
	waits   int           // consecutive answers of a client that is not there yet

	// Known from its answers.
	delays     Delays        // made on the first error
	err        *ProbeError   // the last one
	unverified bool          // it reports a newer revision, which is being checked
	boot       string        // of the process that answered last
	rejectedBy string        // boot of the process that rejected
	matches    int           // consecutive matches
	firstMatch time.Duration // when they began
}

// answeredBy notes who answers.
func (m *member) answeredBy(instance string) {
	m.instance, m.row.Instance = instance, cleanID(instance)
}

// overruledBy reports whether a final status no longer holds: a restarted process may accept what
// the one before rejected, or reject what that had confirmed. The first word of one process is
// final.
func (m *member) overruledBy(verdict Verdict, boot string) bool {
	if m.status == statusRejected {
		return verdict != VerdictRejected && boot != "" && boot != m.rejectedBy
	}
	return m.status == statusConfirmed && verdict == VerdictRejected && (boot == "" || boot != m.boot)
}

func cleanID(id string) string { return wire.Clean(id, maxVersion) }
