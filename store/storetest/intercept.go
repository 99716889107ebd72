package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Interceptor stands between a store and its user. It is called for every call but
// Listen, makes it by [Call.Do], or does not, and returns the error that its user is to
// see. With another error than Do's the answer is lost, but for a *store.HeartbeatError,
// which comes with one.
type Interceptor func(ctx context.Context, c Call) error

// Call is one call of a store's method on its way.
type Call struct {
	// Method is the method's name; "Claim" for a Commit that has only a claim.
	Method string
	// Plan is the plan that the call is about, 0 if it is about none or several.
	Plan plan.ID
	// Worker is the incarnation, for calls about one.
	Worker string
	// Batch is that of a Commit: a copy, which has the answer after Do.
	Batch *store.Batch
	// Command is that of an Apply.
	Command *store.Command
	// Locks are those that a call names.
	Locks []store.TenantLock

	do      func(ctx context.Context) error
	unheard func(ctx context.Context)
}

// Do makes the call and returns its error. If it is called again, as for a request that
// was sent twice, the last answer counts.
func (c Call) Do(ctx context.Context) error { return c.do(ctx) }

// DoUnheard makes the call once more with what it was made with at first, also when
// nobody waits for it any more. Its answer is lost.
func (c Call) DoUnheard(ctx context.Context) { c.unheard(ctx) }

// Intercept returns a store that makes every call of s through f. Hints of Listen pass;
// a type that embeds what is returned can hold them up.
func Intercept(s store.Store, f Interceptor) store.Store {
	return &intercepted{inner: s, f: f}
}

type intercepted struct {
	inner store.Store
	f     Interceptor
}

var _ store.Store = (*intercepted)(nil)

// ask makes a call that has an answer.
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
	if err == nil || err == own || errors.As(err, &partly) { //nolint:errorlint // the very error of the call
		return answer, err
	}
	return none, err
}

// tell makes a call that answers nothing but an error.
func tell(ctx context.Context, s *intercepted, c Call, do func(context.Context) error) error {
	_, err := ask(ctx, s, c, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) })
	return err
}

// Commit implements store.Writer. An answer that is lost leaves no trace in b.
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
func (s *intercepted) Listen(ctx context.Context, hint func(plan.ID)) error {
	return s.inner.Listen(ctx, hint)
}
