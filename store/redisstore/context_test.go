package redisstore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// promptly is the maximum time between the end of a context and the return of the call.
const promptly = 50 * time.Millisecond

// publicCalls returns a call of every method of Store, by the method's name.
func publicCalls(id plan.ID) map[string]func(context.Context, *Store) error {
	first := task.NewID(id, 1)
	lock := store.TenantLock{Tenant: "t", Plan: id, Ordinal: 1}
	creation := store.Creation{ID: id, Mark: "mark"}
	return map[string]func(context.Context, *Store) error{
		"AddDeadLetter": func(ctx context.Context, s *Store) error {
			return s.AddDeadLetter(ctx, "n", store.DeadLetter{ID: "1"})
		},
		"DeadLetters":    func(ctx context.Context, s *Store) error { _, err := s.DeadLetters(ctx, "n"); return err },
		"DropDeadLetter": func(ctx context.Context, s *Store) error { return s.DropDeadLetter(ctx, "n", "1") },
		"ListSubscriptions": func(ctx context.Context, s *Store) error {
			_, err := s.ListSubscriptions(ctx)
			return err
		},
		"MarkRead":   func(ctx context.Context, s *Store) error { return s.MarkRead(ctx, "n", id, 1, -1) },
		"MarkUnread": func(ctx context.Context, s *Store) error { return s.MarkUnread(ctx, "n", []plan.ID{id}) },
		"Positions": func(ctx context.Context, s *Store) error {
			_, err := s.Positions(ctx, "n", []plan.ID{id})
			return err
		},
		"ReportSubscription": func(ctx context.Context, s *Store) error {
			return s.ReportSubscription(ctx, "n", store.SubscriptionStatus{})
		},
		"Subscribe":   func(ctx context.Context, s *Store) error { _, err := s.Subscribe(ctx, "n", false); return err },
		"Unread":      func(ctx context.Context, s *Store) error { _, err := s.Unread(ctx, "n", 1, 0); return err },
		"Unsubscribe": func(ctx context.Context, s *Store) error { return s.Unsubscribe(ctx, "n") },
		"AddTenants": func(ctx context.Context, s *Store) error {
			return s.AddTenants(ctx, creation, 1, []task.Tenant{{ID: "t"}})
		},
		"AppendTenants": func(ctx context.Context, s *Store) error {
			return s.AppendTenants(ctx, id, 1, 2, []task.Tenant{{ID: "t"}})
		},
		"Appended": func(ctx context.Context, s *Store) error {
			_, err := s.Appended(ctx, id, 0, 1)
			return err
		},
		"Apply": func(ctx context.Context, s *Store) error {
			_, err := s.Apply(ctx, store.Command{ID: "c", Version: 1, Failed: -1, Decision: plan.Decision{Plan: plan.Plan{ID: id}}})
			return err
		},
		"BeginCreate": func(ctx context.Context, s *Store) error {
			_, err := s.BeginCreate(ctx, store.Create{Mark: "mark", Plan: plan.Plan{TaskCount: 1}, TTL: time.Minute})
			return err
		},
		"Commit": func(ctx context.Context, s *Store) error {
			return s.Commit(ctx, &store.Batch{Plan: id, Claim: store.Claim{ID: "a", Worker: "w", Max: 1}})
		},
		"Cursor": func(ctx context.Context, s *Store) error {
			_, err := s.Cursor(ctx, id, "n", "o", time.Minute)
			return err
		},
		"Due":    func(ctx context.Context, s *Store) error { _, err := s.Due(ctx, nil, 1); return err },
		"Events": func(ctx context.Context, s *Store) error { _, err := s.Events(ctx, id, 0, 1); return err },
		"FinishCreate": func(ctx context.Context, s *Store) error {
			return s.FinishCreate(ctx, creation)
		},
		"Heartbeat": func(ctx context.Context, s *Store) error {
			_, err := s.Heartbeat(ctx, "w", time.Minute, []plan.ID{id})
			return err
		},
		"Join":     func(ctx context.Context, s *Store) error { return s.Join(ctx, "w", time.Minute, store.Process{}) },
		"Report":   func(ctx context.Context, s *Store) error { return s.Report(ctx, "w", store.Load{}) },
		"Workers":  func(ctx context.Context, s *Store) error { _, err := s.Workers(ctx, "", 1); return err },
		"Holdings": func(ctx context.Context, s *Store) error { _, err := s.Holdings(ctx, id, ""); return err },
		"Leave":    func(ctx context.Context, s *Store) error { return s.Leave(ctx, "w") },
		"Listen":   func(ctx context.Context, s *Store) error { return s.Listen(ctx, func(store.Hint) {}) },
		"Locks":    func(ctx context.Context, s *Store) error { _, err := s.Locks(ctx, []string{"t"}); return err },
		"MoveCursor": func(ctx context.Context, s *Store) error {
			return s.MoveCursor(ctx, id, "n", "o", 1)
		},
		"Orphans": func(ctx context.Context, s *Store) error { _, err := s.Orphans(ctx, id); return err },
		"Plan":    func(ctx context.Context, s *Store) error { _, err := s.Plan(ctx, id); return err },
		"PlanEvents": func(ctx context.Context, s *Store) error {
			_, err := s.PlanEvents(ctx, id, 0, 1)
			return err
		},
		"Plans":   func(ctx context.Context, s *Store) error { _, err := s.Plans(ctx, store.PlanQuery{}); return err },
		"Release": func(ctx context.Context, s *Store) error { return s.Release(ctx, []store.TenantLock{lock}) },
		"Remind": func(ctx context.Context, s *Store) error {
			return s.Remind(ctx, map[plan.ID]time.Duration{id: time.Second})
		},
		"Remove":  func(ctx context.Context, s *Store) error { _, err := s.Remove(ctx, id); return err },
		"Replace": func(ctx context.Context, s *Store) error { _, err := s.Replace(ctx, lock, lock); return err },
		"Reserve": func(ctx context.Context, s *Store) error {
			_, err := s.Reserve(ctx, []store.TenantLock{lock})
			return err
		},
		"Occupy": func(ctx context.Context, s *Store) error {
			return s.Occupy(ctx, []store.Occupation{{Place: store.Place{QuotaKey: store.QuotaKey{Label: "l"}, Plan: id, Ordinal: 1}, Max: 1}})
		},
		"Vacate": func(ctx context.Context, s *Store) error {
			return s.Vacate(ctx, []store.Place{{QuotaKey: store.QuotaKey{Label: "l"}, Plan: id, Ordinal: 1}})
		},
		"Places": func(ctx context.Context, s *Store) error {
			_, err := s.Places(ctx, store.QuotaKey{Label: "l"})
			return err
		},
		"CountPlaces": func(ctx context.Context, s *Store) error {
			_, err := s.CountPlaces(ctx, []store.QuotaKey{{Label: "l"}})
			return err
		},
		"Reschedule": func(ctx context.Context, s *Store) error {
			return s.Reschedule(ctx, id, 1, store.Next{After: time.Second})
		},
		"States": func(ctx context.Context, s *Store) error { _, err := s.States(ctx, id, 0, 1); return err },
		"Task":   func(ctx context.Context, s *Store) error { _, err := s.Task(ctx, first); return err },
		"Tasks": func(ctx context.Context, s *Store) error {
			_, _, err := s.Tasks(ctx, id, store.TaskQuery{})
			return err
		},
		"TasksAt": func(ctx context.Context, s *Store) error { _, err := s.TasksAt(ctx, id, []int{1}); return err },
		"Tenants": func(ctx context.Context, s *Store) error { _, err := s.Tenants(ctx, id, 0, 1); return err },
	}
}

// TestSilentServer: every call to a frozen server returns promptly when its context is canceled or
// its deadline passes.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := redis.NewClient(server.Options())
	t.Cleanup(func() { _ = client.Close() })
	r := start(t, openStore(t, client, Config{}), 2, 2)
	calls := publicCalls(r.id)
	typ := reflect.TypeFor[*Store]()
	for i := range typ.NumMethod() {
		if calls[typ.Method(i).Name] == nil {
			t.Errorf("no call of %s", typ.Method(i).Name)
		}
	}
	calls["Open"] = func(ctx context.Context, _ *Store) error { _, err := Open(ctx, client, Config{}); return err }

	// Each call uses a new store, because a store that knows of the silence refuses the call at
	// once.
	type trial struct {
		name string
		*Store
	}
	var trials []trial
	for name := range calls {
		for try := range 6 {
			trials = append(trials, trial{fmt.Sprint(name, try), openStore(t, client, Config{})})
			trials[len(trials)-1].name = name
		}
	}
	server.Freeze()
	defer server.Thaw()
	for at := 0; at < len(trials); at += 6 {
		name := trials[at].name
		for k, end := range []func(context.Context) (context.Context, context.CancelFunc){cancelSoon, deadlineSoon} {
			// On a busy machine a goroutine may be scheduled late, so a call counts as late only if
			// all its tries are late.
			best := time.Hour
			for try := 0; try < 3 && best > promptly; try++ {
				ctx, cancel := end(t.Context())
				ended := make(chan time.Time, 1)
				stop := context.AfterFunc(ctx, func() { ended <- time.Now() })
				err := calls[name](ctx, trials[at+3*k+try].Store)
				returned := time.Now()
				if ctx.Err() == nil {
					t.Errorf("%s returned before its context had ended: %v", name, err)
				}
				if stop() {
					best = 0 // the call returned before AfterFunc ran
				} else {
					best = min(best, returned.Sub(<-ended))
				}
				if !errors.Is(err, ctx.Err()) || store.Temporary(err) {
					t.Errorf("%s: error %v, want %v", name, err, ctx.Err())
				}
				cancel()
			}
			if best > promptly {
				t.Errorf("%s returned %v after its context had ended", name, best)
			}
		}
	}
}

func deadlineSoon(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 30*time.Millisecond)
}

func cancelSoon(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(30*time.Millisecond, cancel)
	return ctx, func() { timer.Stop(); cancel() }
}

// TestRefusesSilentServer: a call whose context does not end waits only a short time for a frozen
// server. When the store knows that the server is silent, calls do not wait at all.
func TestRefusesSilentServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := redis.NewClient(server.Options())
	t.Cleanup(func() { _ = client.Close() })
	s := openStore(t, client, Config{})
	r := start(t, s, 2, 2)
	calls := publicCalls(r.id)
	delete(calls, "Listen") // lasts until its context ends
	server.Freeze()
	defer server.Thaw()
	if _, err := s.Plan(t.Context(), r.id); !store.Temporary(err) {
		t.Fatalf("error %v, want a passing one", err)
	}
	began := time.Now()
	for name, call := range calls {
		if err := call(t.Context(), s); !store.Temporary(err) {
			t.Errorf("%s: error %v, want a passing one", name, err)
		}
	}
	if took := time.Since(began); took > 2*answerTimeout {
		t.Errorf("they took %v", took)
	}
	server.Thaw()
	r.again(func() error { _, err := s.Plan(t.Context(), r.id); return err })
}
