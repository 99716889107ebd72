package pgstore

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
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
		"Due":    func(ctx context.Context, s *Store) error { _, err := s.Due(ctx, []string{"X"}, 1); return err },
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

// TestEndedContexts: a call whose context has ended does nothing and returns the context's error.
func TestEndedContexts(t *testing.T) {
	t.Parallel()
	o := start(t, newSchemas(t).open(t, Config{}), 2)
	calls := publicCalls(o.ID)
	for m := range reflect.TypeFor[store.Store]().Methods() {
		if calls[m.Name] == nil {
			t.Errorf("%s has no call", m.Name)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls {
		if err := call(ended, o.Store); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, err := o.Plan(t.Context(), o.ID); err != nil || p.Counters.Held != 0 {
		t.Errorf("%d tasks are held, %v", p.Counters.Held, err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	for name, call := range calls {
		if name == "Listen" {
			continue // hints are of the process
		}
		if err := call(t.Context(), o.Store); !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
}

// TestStalledTransaction: a process that stops in the middle of a transaction keeps its locks no
// longer than LockTimeout, and the call that it was in fails for now.
func TestStalledTransaction(t *testing.T) {
	t.Parallel()
	o := start(t, newSchemas(t).open(t, Config{LockTimeout: 200 * time.Millisecond}), 2)
	err := o.write(o.Ctx, func(tx *tx) error {
		tx.exec("SELECT 1 FROM @.facts FOR UPDATE")
		if err := tx.flush(); err != nil {
			return err
		}
		claim := store.Batch{Plan: o.ID, Claim: store.Claim{ID: "other", Worker: "other", Max: 1}}
		err := o.Commit(o.Ctx, &claim)
		for tries := 0; store.Temporary(err) && tries < 100; tries++ {
			err = o.Commit(o.Ctx, &claim)
		}
		if err != nil || len(claim.Claimed) != 1 {
			t.Errorf("another one has claimed %d tasks, %v", len(claim.Claimed), err)
		}
		return nil
	})
	if !store.Temporary(err) {
		t.Errorf("the transaction: %v", err)
	}
}

// TestLockedRow: a call that waits for a row for too long fails for now, and the next one succeeds.
func TestLockedRow(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	o := start(t, server.open(t, Config{LockTimeout: 100 * time.Millisecond}), 2)
	held := o.Claim("worker", 1)
	c, err := pgx.Connect(t.Context(), server.url())
	o.OK(err)
	defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }()
	_, err = c.Exec(t.Context(), qualified("BEGIN; SELECT 1 FROM @.facts FOR UPDATE", o.cfg.Schema), pgx.QueryExecModeSimpleProtocol)
	o.OK(err)
	if err := o.Commit(t.Context(), sqltest.Saves(o.ID, held, 1, "A", nil)); !store.Temporary(err) {
		t.Errorf("a commit: %v", err)
	}
	if _, err := o.Plan(t.Context(), o.ID); err != nil {
		t.Errorf("a query: %v", err)
	}
	_, err = c.Exec(t.Context(), "ROLLBACK")
	o.OK(err)
	o.Work(sqltest.Saves(o.ID, held, 1, "A", nil))
}
