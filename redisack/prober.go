package redisack

import (
	"context"
	"errors"
	"fmt"

	"github.com/cutover-go/cutover/redisack/internal/wire"
	"github.com/cutover-go/cutover/redisack/probe"
)

// What redisack and its probers share lives in package probe. These are the names that every caller
// needs; the kinds of endpoint errors stay there.
type (
	// Prober asks one client what it runs. Package redisack/httpprobe has the one for HTTP.
	Prober = probe.Prober
	// Endpoint is one member of a fleet.
	Endpoint = probe.Endpoint
	// Observation is what one client says of itself.
	Observation = probe.Observation
	// Attempt is what a client last tried to apply.
	Attempt = probe.Attempt
	// ProbeError says why an endpoint gave no usable answer. It matches ErrEndpoint.
	ProbeError = probe.Error
)

// TargetProber is a Prober that has to know which write it asks about, for instance to pass the
// revision on to the client. ProbeTarget is called instead of Probe.
type TargetProber interface {
	Prober
	ProbeTarget(ctx context.Context, ep Endpoint, t Target) (Observation, error)
}

// ProberFunc is a function as a TargetProber.
type ProberFunc func(ctx context.Context, ep Endpoint, t Target) (Observation, error)

// Probe calls the function with no target.
func (f ProberFunc) Probe(ctx context.Context, ep Endpoint) (Observation, error) {
	return f(ctx, ep, Target{})
}

// ProbeTarget calls the function.
func (f ProberFunc) ProbeTarget(ctx context.Context, ep Endpoint, t Target) (Observation, error) {
	return f(ctx, ep, t)
}

// session is the prober of one run, ready to be asked. ask is nil when nothing is polled.
type session struct {
	ask    func(ctx context.Context, ep Endpoint, t Target) (Observation, error)
	shared probe.Session // nil when nothing has to be closed
}

// openSession makes a prober ready for a run with so many members and attempts at once.
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

// share opens the prober's session, if it has one. A panic there is the host's; the run does
// without.
func share(p Prober, members, inFlight int) (shared probe.Session) {
	defer func() { _ = recover() }()
	if sharer, ok := p.(probe.Sharer); ok {
		shared = sharer.Session(members, inFlight)
	}
	return shared
}

// close ends the session. A panic there is the host's, and comes when the outcome is known.
func (s session) close() {
	defer func() { _ = recover() }()
	if s.shared != nil {
		s.shared.Close()
	}
}

// polls reports whether there is a prober.
func (s session) polls() bool { return s.ask != nil }

const maxErrorText = 256

// errNoVersion is why an answer that names nothing to compare is an error.
var errNoVersion = errors.New("the answer does not name it")

// probeError turns any error of a prober into a ProbeError.
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

// panicError is what is left of a panic in the caller's code.
func panicError(value any) *ProbeError {
	return &ProbeError{Kind: probe.KindPanic, Err: errors.New(wire.Clean(fmt.Sprint(value), maxErrorText))}
}
