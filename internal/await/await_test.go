package await_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/internal/await"
)

func TestValue(t *testing.T) {
	wrong := errors.New("wrong")
	for _, ctx := range []context.Context{context.Background(), t.Context()} {
		got, err := await.Value(ctx, func(context.Context) (int, error) { return 7, wrong })
		if got != 7 || !errors.Is(err, wrong) {
			t.Errorf("got %d, %v", got, err)
		}
	}
}

func TestEndedContextCallsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := await.Do(ctx, func(context.Context) error { t.Error("called"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// The caller returns when its context ends; the function that it called goes on under a context
// that does not end.
func TestReturnsWithItsContext(t *testing.T) {
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "kept"), time.Second)
		defer cancel()
		began, finished := time.Now(), make(chan error, 1)
		err := await.Do(ctx, func(ctx context.Context) error {
			time.Sleep(time.Minute)
			if ctx.Value(key{}) != "kept" {
				t.Error("the value is lost")
			}
			finished <- ctx.Err()
			return nil
		})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := <-finished; err != nil {
			t.Error("the call's own context ended:", err)
		}
	})
}
