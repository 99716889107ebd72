package probe

import "context"

// Series is a Prober that can ask several endpoints at one address over one new connection.
type Series interface {
	Prober
	// ProbeSeries asks endpoints whose URLs differ at most in what follows the host, over one
	// connection that is made after the call, or over more of them if a connection ends before all
	// are answered. It returns a result for each endpoint, in their order, and returns when its
	// context ends.
	ProbeSeries(ctx context.Context, endpoints []Endpoint) []Result
}

// Result is what became of one probe of a series.
type Result struct {
	Observation Observation
	Err         error
}
