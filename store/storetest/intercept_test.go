package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

// memory returns an env over a store in memory.
func memory(t *testing.T) *env {
	t.Helper()
	return newEnv(t, Harness{New: func(testing.TB) store.Store { return memstore.New() }}.withDefaults())
}

// TestInterceptSeesEveryCall checks that every method but Listen goes through the interceptor, with
// its own name.
func TestInterceptSeesEveryCall(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	var seen []string
	s := reflect.ValueOf(Intercept(memstore.New(), func(_ context.Context, c Call) error {
		seen = append(seen, c.Method)
		return refused
	}))
	var want []string
	for i := range s.NumMethod() {
		name, m := s.Type().Method(i).Name, s.Method(i)
		if name == "Listen" {
			continue
		}
		args := make([]reflect.Value, m.Type().NumIn())
		for n := range args {
			switch in := m.Type().In(n); in {
			case reflect.TypeFor[context.Context]():
				args[n] = reflect.ValueOf(t.Context())
			case reflect.TypeFor[*store.Batch]():
				args[n] = reflect.ValueOf(&store.Batch{Changes: make([]store.Change, 1)})
			default:
				args[n] = reflect.Zero(in)
			}
		}
		out := m.Call(args)
		if err, _ := out[len(out)-1].Interface().(error); !errors.Is(err, refused) {
			t.Errorf("%s answers %v", name, err)
		}
		want = append(want, name)
	}
	if !slices.Equal(seen, want) {
		t.Errorf("seen  %q\nwant  %q", seen, want)
	}
}

// TestInterceptLosesAnswers checks that the user gets no answer if the interceptor returns an error
// other than the call's, except an error that comes with an answer.
func TestInterceptLosesAnswers(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	for name, tt := range map[string]struct {
		err  error
		want int
	}{
		"passed on": {nil, 1},
		"lost":      {lost, 0},
		"partly":    {&store.HeartbeatError{Faults: map[plan.ID]error{1: lost}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := memory(t).start(2, concurrently(2))
			r.ok(r.Join(r.ctx, "w", time.Minute, store.Process{}))
			r.take("w", 1)
			s := Intercept(r.Store, func(ctx context.Context, c Call) error {
				return errors.Join(c.Do(ctx), tt.err)
			})
			held, err := s.Heartbeat(t.Context(), "w", time.Minute, []plan.ID{r.id})
			if len(held) != tt.want || (err != nil) != (tt.err != nil) {
				t.Errorf("holds %v, %v", held, err)
			}
		})
	}
}

// TestInterceptedCommit checks that a lost answer leaves the batch as it was, and that DoUnheard
// repeats the original commit.
func TestInterceptedCommit(t *testing.T) {
	t.Parallel()
	r := memory(t).start(2, concurrently(2))
	lost := errors.New("lost")
	var claimed int
	s := Intercept(r.Store, func(ctx context.Context, c Call) error {
		if c.Method != "Claim" || c.Plan != r.id || c.Worker != "w" {
			t.Errorf("%s of plan %s for %q", c.Method, c.Plan, c.Worker)
		}
		c.DoUnheard(ctx)
		err := c.Do(ctx)
		claimed = len(c.Batch.Claimed)
		return errors.Join(err, lost)
	})
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: "again", Worker: "w", Max: 1}}
	if err := s.Commit(t.Context(), &b); !errors.Is(err, lost) || len(b.Claimed) > 0 || claimed != 1 {
		t.Errorf("%d are claimed, %d told of, %v", claimed, len(b.Claimed), err)
	}
}
