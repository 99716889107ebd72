//go:build crash

package crash

import (
	"testing"

	"github.com/cutover-go/cutover/internal/crashtest"
)

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
func TestFaults(t *testing.T) { crashtest.Run(t, rows(t)) }
