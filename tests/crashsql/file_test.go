//go:build crash

package crashsql

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/crashtest"
)

// fileRows returns the rows about one process over a file.
func fileRows(deaths []crashtest.Death) []row {
	const on = "the next process goes on at once, from the last commit"
	all := crashtest.EveryWay(func(w crashtest.Way) []row {
		return []row{{Name: "file: kill -9, five times, lease of an hour", Extent: crashtest.Quick, Do: killsInARow(w), Expect: on}}
	})
	for _, d := range deaths {
		all = append(all, row{Name: "file: dies " + d.String(), Extent: crashtest.Short, Do: fileKillAt(d), Expect: on})
	}
	return append(all,
		row{
			Name: "file: SIGSTOP beyond the lease", Extent: crashtest.Short, Do: fileFrozen,
			Expect: "it takes its tasks again when it wakes up, in the same attempts",
		},
		row{
			Name: "file: disk full", Extent: crashtest.Short, Do: fileDiskFull,
			Expect: "told; no task fails, and the plan completes when there is room",
		},
	)
}

// ofFile sets up a site with a file, whose workers go through with a plan.
func ofFile(t *testing.T, dir string, w crashtest.Way, c crashtest.Commission) *site {
	t.Helper()
	s := newSite(t, target{File: filepath.Join(dir, "plans.db")})
	s.Way = w
	c.Key, c.Name, c.Undo = "k", "t", w.Undo
	if w.InSequence {
		c.Tenants, c.Concurrency = min(c.Tenants, 20), 1
	}
	s.Defs.Commission, s.Defs.Through = c, true
	return s
}

// through waits for the end of a worker that goes through with the plan, and adds up the figures.
func (s *site) through(last *crashtest.Proc) *site {
	s.Helper()
	last.AwaitSuccess()
	s.look(s.target)
	s.Plan = s.Newest()
	s.Complete()
	if all := s.Plans(); all != 1 {
		s.Errorf("there are %d plans, want 1", all)
	}
	return s
}

// killsInARow kills a worker, and each that follows it, in the middle of commits. Nobody would go
// on before an hour is over if the file did not prove that the worker has ended.
func killsInARow(w crashtest.Way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s := ofFile(t, t.TempDir(), w, crashtest.Commission{Tenants: 60, Concurrency: 8})
		s.Defs.Lease = time.Hour
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			victim := s.Launch(name)
			s.AwaitCount(name, crashtest.Saved, 4+rand.IntN(12))
			victim.Kill()
		}
		return s.through(s.Launch("last"))
	}
}

// fileKillAt lets a worker die at d. The next one goes on.
func fileKillAt(d crashtest.Death) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s := ofFile(t, t.TempDir(), crashtest.Way{}, crashtest.Commission{})
		s.DieAt(d).AwaitEnd()
		return s.through(s.Launch("heir"))
	}
}

// fileFrozen freezes the process beyond its lease.
func fileFrozen(t *testing.T) *site {
	t.Helper()
	s := ofFile(t, t.TempDir(), crashtest.Way{}, crashtest.Commission{Tenants: 30, Concurrency: 8})
	only := s.Launch("only")
	s.AwaitCount("only", crashtest.Effect, 10)
	only.Freeze()
	time.Sleep(2 * crashtest.Lease)
	only.Thaw()
	s.AwaitCount("only", crashtest.LostOne, 1)
	return s.through(only)
}

// fileDiskFull fills the disk of the file for two leases.
func fileDiskFull(t *testing.T) *site {
	t.Helper()
	d := newDisk(t, 16)
	s := ofFile(t, d.dir, crashtest.Way{}, crashtest.Commission{Tenants: 60, Concurrency: 8})
	only := s.Launch("only")
	s.AwaitCount("only", crashtest.Saved, 8)
	d.fill()
	s.AwaitCount("only", crashtest.Fault, 1)
	time.Sleep(2 * crashtest.Lease)
	d.empty()
	return s.through(only)
}
