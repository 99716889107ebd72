package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Interceptor handles every call from a user to a store, except Listen. It makes the call with
// [Call.Do], or omits it, and returns the error that the user receives. If it returns an error
// other than Do's, the user gets no answer, unless the error is a *store.HeartbeatError, which
// comes with an answer.
type Interceptor func(ctx context.Context, c Call) error

// Call is one call of a store's method that an [Interceptor] handles.
type Call struct {
	// Method is the method's name, or "Claim" for a Commit without changes.
	Method string
	// Plan is the plan that the call is about, 0 if it is about none or several.
	Plan plan.ID
	// Worker is the incarnation that the call is about, if it is about one.
	Worker string
	// Batch is a copy of the batch of a Commit. It has the answer after Do.
	Batch *store.Batch
	// Command is the command of an Apply.
	Command *store.Command
	// Locks are the locks that the call names.
	Locks []store.TenantLock
	// Places are the places that the call names.
	Places []store.Place

	do      func(ctx context.Context) error
	unheard func(ctx context.Context)
}

// Do makes the call and returns its error. If Do is called again, as for a request that was sent
// twice, the last answer counts.
func (c Call) Do(ctx context.Context) error { return c.do(ctx) }

// DoUnheard makes the call again with its original arguments and drops the answer. An Interceptor
// may call it even after the caller has returned.
func (c Call) DoUnheard(ctx context.Context) { c.unheard(ctx) }

// Intercept returns a store that passes every call of s to f. The hints of Listen are not
// intercepted; a type that embeds the returned store can override Listen.
func Intercept(s store.Store, f Interceptor) store.Store {
	return interceptedPlaces{&intercepted{inner: s, f: f}}
}

type intercepted struct {
	inner store.Store
	f     Interceptor
}

// ask makes a call that returns a value.
func ask[V any](ctx context.Context, s *intercepted, c Call, do func(context.Context) (V, error)) (V, error) {
	var answer, none V
	var own error
	c.do = func(ctx context.Context) error {
		answer, own = do(ctx)
		return own
	}
	if c.unheard == nil {
		c.unheard = func(ctx context.Context) { _, _ = do(ctx) }
	}
	err := s.f(ctx, c)
	partly := new(store.HeartbeatError)
	if err == nil || err == own || errors.As(err, &partly) { //nolint:errorlint // identical to the error of the call
		return answer, err
	}
	return none, err
}

// tell makes a call that returns only an error.
func tell(ctx context.Context, s *intercepted, c Call, do func(context.Context) error) error {
	_, err := ask(ctx, s, c, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) })
	return err
}

// Commit implements store.Writer. If the answer is lost, b is as if there had been none.
func (s *intercepted) Commit(ctx context.Context, b *store.Batch) error {
	request := func() *store.Batch {
		return &store.Batch{Plan: b.Plan, Changes: slices.Clone(b.Changes), Claim: b.Claim}
	}
	answered, again := request(), request()
	c := Call{Method: "Commit", Plan: b.Plan, Worker: b.Claim.Worker, Batch: answered}
	if len(b.Changes) == 0 {
		c.Method = "Claim"
	}
	c.unheard = func(ctx context.Context) { _ = s.inner.Commit(ctx, again) }
	err := tell(ctx, s, c, func(ctx context.Context) error { return s.inner.Commit(ctx, answered) })
	b.Claimed = b.Claimed[:0]
	if err == nil {
		copy(b.Changes, answered.Changes)
		b.Claimed = append(b.Claimed, answered.Claimed...)
		b.View = answered.View
	}
	return err
}

// Listen implements store.Agenda.
func (s *intercepted) Listen(ctx context.Context, hint func(store.Hint)) error {
	return s.inner.Listen(ctx, hint)
}
