// Package await makes a caller return when its context ends, even if a server does not answer.
//
// go-redis checks a context before it sends and between two tries, but not while it waits for an
// answer. (Seen with v9.23.0: it notices a cancel only when the read timeout has passed, three
// seconds by default, up to four times in a row.) Every public call of this module returns soon
// after its context has ended, so it calls the client through this package. Only the writer of
// redisack has its own function for that, within: its callers get the cause of the context, and it
// recovers panics in the host's code, such as hooks of the client.
package await

import "context"

// Value calls f in a new goroutine and returns what f returns, or the error of ctx as soon as ctx
// ends. After that error f may still take effect.
//
// f gets a context that has the values of ctx but does not end, so that f still reads an answer
// that is on its way and the client can keep the connection. f must return by itself, as calls of
// go-redis do after the client's timeouts; the goroutine then ends. If ctx cannot end, Value calls
// f without a goroutine. If ctx has ended already, Value does not call f.
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

// Do is [Value] for a function that returns only an error.
func Do(ctx context.Context, f func(context.Context) error) error {
	_, err := Value(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}
