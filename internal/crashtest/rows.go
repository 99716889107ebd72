//go:build crash

package crashtest

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// Extent selects the faults that a run of the suite includes.
type Extent int

const (
	Quick Extent = iota
	Short
	Long
)

// ExtentOf reads the extent from the environment.
func ExtentOf(t *testing.T) Extent {
	t.Helper()
	switch v := os.Getenv("CUTOVER_CRASH"); v {
	case "":
		return Quick
	case "short":
		return Short
	case "long":
		return Long
	default:
		t.Fatalf("CUTOVER_CRASH=%s: it is short or long", v)
		return Quick
	}
}

// Sited is what a row works at: a Site, or what has one.
type Sited interface{ Base() *Site }

// Row is one fault: its action, and the expected result besides the figures. After every fault the
// figures stale, re-run, attempts, FAILED and lost must be 0. If Site.ExpectLoss is set, lost may
// be greater.
type Row[S Sited] struct {
	Name   string
	Expect string
	Extent Extent // the smallest extent that includes the row
	Do     func(t *testing.T) S
}

// Run causes every fault of the extent, all at the same time as far as -parallel lets them, and
// prints the figures.
func Run[S Sited](t *testing.T, rows []Row[S]) {
	t.Helper()
	pending := ExtentOf(t)
	r := &report{}
	t.Run("each", func(t *testing.T) {
		for _, row := range rows {
			if row.Extent > pending {
				continue
			}
			t.Run(row.Name, func(t *testing.T) {
				t.Parallel()
				var s *Site
				defer func() { r.add(row.Name, row.Expect, s, t.Failed()) }()
				s = row.Do(t).Base()
			})
		}
	})
	t.Log(r)
}

// report collects the figures of all rows.
type report struct {
	mu    sync.Mutex
	lines []string
	total Figures
}

// add records the result of a row; s is nil if the row was aborted.
func (r *report) add(name, expect string, s *Site, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var f Figures
	if s != nil {
		f = s.Fig
	}
	verdict := "ok  "
	if failed {
		verdict = "FAIL"
	}
	r.lines = append(r.lines, fmt.Sprintf("%s %-34s %s\n       expected: %s", verdict, name, f, expect))
	r.total.add(f)
}

func (r *report) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("%d faults\n%s\nall  %-34s %s", len(r.lines), strings.Join(r.lines, "\n"), "", r.total)
}
