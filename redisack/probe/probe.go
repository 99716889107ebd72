package probe

import "context"

// Prober asks one endpoint what it runs.
//
// Probe is called from many goroutines at once and must return when its context ends; until it
// returns it occupies one of the caller's workers. An error is retried unless it is an [*Error]
// with Permanent set.
type Prober interface {
	Probe(ctx context.Context, ep Endpoint) (Observation, error)
}

// Sharer is a Prober that can reuse connections within one run.
type Sharer interface {
	Prober
	// Session returns a prober for a run that asks so many members, at most inFlight of them at
	// once. The caller closes it when the run ends.
	Session(members, inFlight int) Session
}

// Session is a Prober that holds connections until it is closed.
type Session interface {
	Prober
	// Close releases the connections. Probes that are still running may fail.
	Close()
}

// Checker is a Prober that recognises an endpoint it could never ask, for instance one with a URL
// of another scheme. The error says what is wrong with it: "has a URL without a host".
type Checker interface {
	CheckEndpoint(ep Endpoint) error
}
