package wait_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/internal/wait"
)

func TestFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		wait.For(t.Context(), time.Second)
		if d := time.Since(began); d != time.Second {
			t.Errorf("waited %s for a second", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wait.For(ctx, time.Hour)
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("waited until %s beyond the context", d)
		}
	})
}

func TestUntil(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		if wait.Until(done, time.Second) {
			t.Error("nothing was done")
		}
		time.AfterFunc(time.Second, func() { close(done) })
		if began := time.Now(); !wait.Until(done, time.Hour) || time.Since(began) != time.Second {
			t.Error("did not return when it was done")
		}
	})
}

func TestJitter(t *testing.T) {
	t.Parallel()
	lowest, highest := time.Hour, time.Duration(0)
	for range 10_000 {
		d := wait.Jitter(time.Second)
		lowest, highest = min(lowest, d), max(highest, d)
	}
	if lowest < 800*time.Millisecond || highest > 1200*time.Millisecond || highest-lowest < 300*time.Millisecond {
		t.Errorf("from %s to %s", lowest, highest)
	}
}

func TestWithGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		graceful, cancel := wait.WithGrace(ctx, time.Second)
		defer cancel()
		end()
		time.Sleep(time.Second - time.Nanosecond)
		synctest.Wait()
		if graceful.Err() != nil {
			t.Error("ended before its grace period was over")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if graceful.Err() == nil {
			t.Error("goes on after its grace period")
		}
	})
}

func TestWithGraceCanceled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		defer end()
		before, cancelBefore := wait.WithGrace(ctx, time.Hour)
		cancelBefore()
		if before.Err() == nil {
			t.Error("cancel did not end it")
		}
		during, cancelDuring := wait.WithGrace(ctx, time.Hour)
		end()
		synctest.Wait()
		cancelDuring()
		synctest.Wait() // the bubble fails if the goroutine that waits for the grace period still exists
		if during.Err() == nil {
			t.Error("cancel did not end it in its grace period")
		}
	})
}
