//go:build crash

package crash

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// row is one fault: its action, and the expected result besides the figures. After every fault the
// figures stale, re-run, attempts, FAILED and lost must be 0. If site.expectLoss is set, lost may
// be greater.
type row struct {
	name   string
	expect string
	extent extent // the smallest extent that includes the row
	do     func(t *testing.T) *site
}

// rows returns the rows of all faults.
func rows(t *testing.T) []row {
	t.Helper()
	var all []row
	for _, more := range [][]row{kills(t), undoKills(t), undoRaces(), waveKills(t), waveUndos(t), sweepKills(t), trials(t), canaries(t), freezes(), outages(), lines(), losses(t), failovers(), frozenMasters(), halfMoves(), refusals(), deploys(t), fleets(), overlappingPlans()} {
		all = append(all, more...)
	}
	return all
}

// TestFaults causes every fault of the extent and prints the figures.
func TestFaults(t *testing.T) {
	pending := extentOf(t)
	report := &report{}
	t.Run("each", func(t *testing.T) {
		for _, r := range rows(t) {
			if r.extent > pending {
				continue
			}
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				var s *site
				defer func() { report.add(r, s, t.Failed()) }()
				s = r.do(t)
			})
		}
	})
	t.Log(report)
}

// report collects the figures of all rows.
type report struct {
	mu    sync.Mutex
	lines []string
	total figures
}

// add records the result of a row; s is nil if the row was aborted.
func (r *report) add(w row, s *site, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var f figures
	if s != nil {
		f = s.fig
	}
	verdict := "ok  "
	if failed {
		verdict = "FAIL"
	}
	r.lines = append(r.lines, fmt.Sprintf("%s %-34s %s\n       expected: %s", verdict, w.name, f, w.expect))
	r.total.add(f)
}

func (r *report) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("%d faults\n%s\nall  %-34s %s", len(r.lines), strings.Join(r.lines, "\n"), "", r.total)
}
