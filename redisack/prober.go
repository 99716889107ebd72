package redisack

import (
	"context"
	"errors"

	"github.com/cutover-go/cutover/redisack/probe"
)

// Aliases for the types of package probe that every caller needs. The kinds of endpoint errors are
// only in package probe.
type (
	// Prober asks one client what it runs. Package redisack/httpprobe implements it for HTTP.
	Prober = probe.Prober
	// Endpoint is one member of a fleet.
	Endpoint = probe.Endpoint
	// Observation is what one client reports about itself.
	Observation = probe.Observation
	// Attempt is what a client last tried to apply.
	Attempt = probe.Attempt
	// ProbeError says why an endpoint gave no usable answer. It matches ErrEndpoint.
	ProbeError = probe.Error
)

// TargetProber is an optional interface of a Prober that has to know which write it asks about, for
// instance to pass the revision on to the client. ProbeTarget is called instead of Probe.
type TargetProber interface {
	Prober
	ProbeTarget(ctx context.Context, ep Endpoint, t Target) (Observation, error)
}

// ProberFunc adapts a function to a TargetProber.
type ProberFunc func(ctx context.Context, ep Endpoint, t Target) (Observation, error)

// Probe calls the function with a zero target.
func (f ProberFunc) Probe(ctx context.Context, ep Endpoint) (Observation, error) {
	return f(ctx, ep, Target{})
}

// ProbeTarget calls the function.
func (f ProberFunc) ProbeTarget(ctx context.Context, ep Endpoint, t Target) (Observation, error) {
	return f(ctx, ep, t)
}

// session is the prober of one run. ask is nil if nothing is polled.
type session struct {
	ask    func(ctx context.Context, ep Endpoint, t Target) (Observation, error)
	shared probe.Session // nil if nothing has to be closed
}

// openSession prepares a prober for a run with this number of members, of which at most inFlight
// are asked at a time.
func openSession(p Prober, members, inFlight int) session {
	var s session
	if p == nil {
		return s
	}
	if shared := share(p, members, inFlight); shared != nil {
		p, s.shared = shared, shared
	}
	if targeted, ok := p.(TargetProber); ok {
		s.ask = targeted.ProbeTarget
	} else {
		s.ask = func(ctx context.Context, ep Endpoint, _ Target) (Observation, error) { return p.Probe(ctx, ep) }
	}
	return s
}

// share opens a session of the prober if it is a Sharer. If the host's code panics, the run uses no
// session.
func share(p Prober, members, inFlight int) (shared probe.Session) {
	defer func() { _ = recover() }()
	if sharer, ok := p.(probe.Sharer); ok {
		shared = sharer.Session(members, inFlight)
	}
	return shared
}

// close ends the session. It ignores a panic in the host's code, because the outcome of the run is
// already known.
func (s session) close() {
	defer func() { _ = recover() }()
	if s.shared != nil {
		s.shared.Close()
	}
}

// polls reports whether there is a prober.
func (s session) polls() bool { return s.ask != nil }

// errNotComparable is the error of an answer whose verdict is VerdictUnknown.
var errNotComparable = errors.New("nothing in the answer can be compared with the target")

// probeError converts any error of a prober to a ProbeError.
func probeError(err error) *ProbeError {
	var pe *ProbeError
	if errors.As(err, &pe) && pe != nil {
		return pe
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &ProbeError{Kind: probe.KindTimeout, Err: err}
	}
	return &ProbeError{Kind: probe.KindOther, Err: err}
}
