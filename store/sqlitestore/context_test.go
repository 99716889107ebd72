package sqlitestore

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

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

// TestEndedContexts: a call whose context has ended does nothing and returns the context's error,
// also while the writer is busy and all readers are taken.
func TestEndedContexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, newFile(t), Config{Readers: 1})
		o := start(t, s, 2)
		calls := publicCalls(o.ID)
		for m := range reflect.TypeFor[store.Store]().Methods() {
			if calls[m.Name] == nil {
				t.Errorf("%s has no call", m.Name)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for name, call := range calls {
			if err := call(ended, s); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		}
		release := make(chan struct{})
		go func() { _ = s.writer.write(t.Context(), func(*tx) error { <-release; return nil }) }()
		go func() { _ = s.read(t.Context(), func(*conn) error { <-release; return nil }) }()
		synctest.Wait()
		for name, call := range calls {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			before := time.Now()
			err := call(ctx, s) // those that need no file succeed, or fail for another reason
			if took := time.Since(before); took > time.Second || took == time.Second && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v after %s", name, err, took)
			}
			cancel()
		}
		close(release)
		synctest.Wait()
		if n := o.queued(); n != 0 {
			t.Errorf("%d calls that were given up wait", n)
		}
	})
}
