package sqlbench

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
)

// TestPostgres compares on one PostgreSQL.
func TestPostgres(t *testing.T) {
	p := startPostgres(t)
	compare(t, slices.Concat([]subject{{"cutover", 1, cutoverOnPostgres}}, rivalsOnPostgres, []subject{{"floor", 1, floorOnPostgres}}), p.cpu,
		func(r *run) { r.url = p.database() })
}

// TestSQLite compares on files of one disk.
func TestSQLite(t *testing.T) {
	compare(t, slices.Concat([]subject{{"cutover", 1, cutoverOnSQLite}}, rivalsOnSQLite, []subject{{"floor", 1, floorOnSQLite}}), func() float64 { return 0 },
		func(r *run) { r.file = filepath.Join(r.TempDir(), "bench.db") })
}

// compare runs all subjects in turns, with one number of tasks in flight after the other.
func compare(t *testing.T, all []subject, server func() float64, prepare func(r *run)) {
	t.Helper()
	tasks, rounds, flights := *tasksFlag, *roundsFlag, strings.Split(*flightFlag, ",")
	if testing.Short() {
		tasks, rounds, flights = 100, 1, []string{"8"}
	}
	for _, text := range flights {
		flight, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		results := make(map[string][]result)
		for round := range rounds {
			for _, s := range all {
				if !asked(s.name) {
					continue
				}
				n := max(100, int(float64(tasks)*s.part))
				if flight < 8 {
					n = max(100, n/20) // one after the other is slow
				}
				t.Run(fmt.Sprintf("flight=%d/round=%d/%s", flight, round+1, s.name), func(t *testing.T) {
					r := &run{T: t, ctx: t.Context(), n: n, flight: flight}
					prepare(r)
					r.meter = startMeter(server)
					s.do(r)
					r.fill(&r.result, n)
					results[s.name] = append(results[s.name], r.result)
				})
			}
		}
		report(t, flight, results)
	}
}

// report prints the figures of all runs, and those of the first subject as ratios to the others of
// the same round.
func report(t *testing.T, flight int, results map[string][]result) {
	t.Helper()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d in flight\ttasks\ttasks/s\tcutover is\tcpu s/1k\tof it\tB/task\tof it\thot\t\n", flight)
	ours := results["cutover"]
	for _, name := range slices.Sorted(maps.Keys(results)) {
		theirs := results[name]
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", name, theirs[0].tasks,
			span(theirs, nil, "%.0f", func(a, _ result) float64 { return a.perSecond }),
			span(theirs, ours, "%.2fx", func(a, b result) float64 { return b.perSecond / a.perSecond }),
			span(theirs, nil, "%.3f", func(a, _ result) float64 { return a.cpu }),
			span(theirs, ours, "%.2fx", func(a, b result) float64 { return b.cpu / a.cpu }),
			span(theirs, nil, "%.0f", func(a, _ result) float64 { return a.bytes }),
			span(theirs, ours, "%.2fx", func(a, b result) float64 { return b.bytes / a.bytes }),
			span(theirs, nil, "%.2f", func(a, _ result) float64 { return a.hot }))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + b.String())
}

// span returns the least, the median and the greatest value of f over the rounds.
func span(theirs, ours []result, format string, f func(a, b result) float64) string {
	var list []float64
	for i, a := range theirs {
		b := a
		if ours != nil {
			if i >= len(ours) {
				return "-"
			}
			b = ours[i]
		}
		list = append(list, f(a, b))
	}
	slices.Sort(list)
	at := func(v float64) string { return fmt.Sprintf(format, v) }
	if len(list) == 1 {
		return at(list[0])
	}
	return at(list[0]) + " " + at(list[len(list)/2]) + " " + at(list[len(list)-1])
}
