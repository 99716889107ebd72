// Package await lets a caller leave when its context ends, whatever a server does.
//
// go-redis looks at a context before it sends and between two tries, but not while it
// waits for an answer (seen with v9.23.0: a cancel is noticed when the read timeout has
// passed, three seconds by default and up to four times over). Every public call of this
// module returns soon after its context has ended, so calls of the client go through here.
package await

import "context"

// Value calls f in a goroutine of its own and returns what f returns, or the error of ctx
// as soon as ctx ends. What f does may then still happen.
//
// f gets a context with the values of ctx that does not end: an answer on its way is read,
// so that the client can keep the connection. f must end by itself, as calls of go-redis do
// by the client's timeouts; its goroutine ends with it. A context that cannot end needs no
// goroutine. An ended one is answered without calling f.
func Value[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if ctx.Done() == nil {
		return f(ctx)
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f(context.WithoutCancel(ctx))
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// Do is [Value] for calls of which only the error counts.
func Do(ctx context.Context, f func(context.Context) error) error {
	_, err := Value(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}
