package probe

import "context"

// Prober asks one endpoint what it runs.
//
// Probe is called concurrently and must return when its context ends; until then it occupies one of
// the caller's workers. After an error the caller asks again, unless the error is an [*Error] with
// Permanent set.
type Prober interface {
	Probe(ctx context.Context, ep Endpoint) (Observation, error)
}

// Sharer is a Prober that can reuse connections within one run.
type Sharer interface {
	Prober
	// Session returns a prober for a run that asks this number of members, at most inFlight of them
	// at a time. The caller closes it when the run ends.
	Session(members, inFlight int) Session
}

// Session is a Prober that holds connections until it is closed.
type Session interface {
	Prober
	// Close releases the connections. Probes that are still running may fail.
	Close()
}

// Checker is an optional interface of a Prober that recognises endpoints which it could never ask,
// for instance because their URL has an unsupported scheme. CheckEndpoint returns nil, or an error
// that says what is wrong with the endpoint, such as "has a URL without a host".
type Checker interface {
	CheckEndpoint(ep Endpoint) error
}
