//go:build crash

package crashsql

import (
	"errors"
	"testing"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/pgtest"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/pgstore"
)

// failoverRows returns the rows about a replica that takes over.
func failoverRows() []row {
	return append(crashtest.EveryWay(func(w crashtest.Way) []row {
		return []row{{
			Name: "failover, synchronous replica", Extent: crashtest.Short, Do: failover(w, true),
			Expect: "every commit waits for the replica: none is lost",
		}}
	}), row{
		Name: "failover, a replica that lags", Extent: crashtest.Short, Do: failover(crashtest.Way{}, false),
		Expect: "commits that the replica had not got are lost; the plan comes to its end",
	})
}

// failover kills the primary and promotes its replica. The workers know both.
func failover(w crashtest.Way, synchronous bool) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		settings := []string{"fsync=on"}
		if synchronous {
			settings = append(settings, "synchronous_standby_names=replica")
		}
		primary := pgtest.Start(t, settings...)
		replica := primary.Standby("replica")
		at := target{URL: pgtest.URLOf([]*pgtest.Server{primary, replica}, "postgres", pgtest.Superuser), Schema: pgstore.DefaultSchema}
		if err := pgstore.Migrate(t.Context(), at.URL, pgstore.Config{}); err != nil {
			t.Fatal(err)
		}
		s := newSite(t, at)
		s.Way = w
		s.look(at)
		s.ExpectLoss, s.GoesBack = !synchronous, !synchronous
		s.Busy(100)
		if !synchronous { // what comes from here on is lost
			replica.Kill()
			s.AwaitCount("", crashtest.Saved, s.Count("", crashtest.Saved)+40)
		}
		before, err := s.Store.Plan(t.Context(), s.Plan)
		if err != nil {
			t.Fatal(err)
		}
		primary.Kill()
		if !synchronous {
			replica.Restart()
			s.expectBack(target{URL: replica.URL("postgres", pgtest.Superuser), Schema: at.Schema}, before.LastEvent)
		}
		replica.Promote()
		s.Complete()
		return s
	}
}

// expectBack fails the test if a reader of events does not notice that the plan has gone back in
// time.
func (s *site) expectBack(at target, last int64) {
	s.Helper()
	st, err := at.open(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = st.Close() }() // it has answered everything
	if _, err := st.Events(s.Context(), s.Plan, last, 0); !errors.Is(err, store.ErrEventsAhead) {
		s.Errorf("events after %d: %v, want %v", last, err, store.ErrEventsAhead)
	}
}
