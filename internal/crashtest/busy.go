//go:build crash

package crashtest

// Busy starts a plan and two workers, and waits until both have saved steps. If the plan runs in
// sequence, only the first worker has something to do.
func (s *Site) Busy(tenants int) (first *Proc) {
	s.Helper()
	s.Begin(tenants, 8)
	first = s.Launch("first")
	if s.Way.InSequence {
		s.AwaitCount("first", Saved, 4)
		s.Launch("other")
		return first
	}
	s.Launch("other")
	s.AwaitCount("first", Saved, 4)
	s.AwaitCount("other", Saved, 4)
	return first
}

// Complete waits for the end of the plan and adds up the figures.
func (s *Site) Complete() *Site {
	s.Helper()
	s.Finish()
	s.Verdict(s.Plan)
	return s
}
