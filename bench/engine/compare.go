package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
)

// subject is a system that can run the workload.
type subject interface {
	name() string
	// run runs the workload on an empty server and reports to m when it has created the tasks and
	// when all of them are done.
	run(ctx context.Context, addr string, n, concurrency int, m *meter) error
	// states reads the state of every task and returns the number of tasks that are done.
	states(ctx context.Context, addr string, n int) (done int, err error)
}

// tenWaves are the sizes of the waves of the subject "waves".
var tenWaves = []strategy.Amount{strategy.Percent(10)} //nolint:gochecknoglobals // never changes

func compare(n, concurrency, rounds int, names, serverArgs []string) error {
	var chosen []subject
	for _, s := range []subject{floor{}, engine{}, engine{waves: tenWaves}, rival{}} {
		if slices.Contains(names, s.name()) {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) != len(names) {
		return fmt.Errorf("unknown subject among %s", names)
	}
	slices.SortStableFunc(chosen, func(a, b subject) int {
		return slices.Index(names, a.name()) - slices.Index(names, b.name())
	})
	var all []result
	for round := range rounds {
		for _, s := range chosen {
			fmt.Fprintf(os.Stderr, "round %d: %s\n", round+1, s.name())
			r, err := measure(s, n, concurrency, serverArgs)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name(), err)
			}
			all = append(all, r)
		}
	}
	return table(all, chosen[0].name())
}

// measure runs s on a new server.
func measure(s subject, n, concurrency int, serverArgs []string) (result, error) {
	ctx := context.Background()
	server, err := startServer(ctx, serverArgs)
	if err != nil {
		return result{}, err
	}
	defer server.stop()
	m, err := newMeter(ctx, server, n)
	if err != nil {
		return result{}, err
	}
	if err := s.run(ctx, server.addr, n, concurrency, m); err != nil {
		return result{}, err
	}
	r, err := m.result(ctx, s.name())
	if err != nil {
		return result{}, err
	}
	began := time.Now()
	found, err := s.states(ctx, server.addr, n)
	if err == nil && found != n {
		err = fmt.Errorf("%d of %d tasks are done", found, n)
	}
	r.query = time.Since(began)
	return r, err
}

func table(all []result, base string) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "subject\tcreate/s\trun/s\tx "+base+"\tcpu s/1k\tclient cpu\tallocs/task\tkB/task\tstore B/task\tclient MiB\tall states s\t")
	var sum, count float64
	for _, r := range all {
		if r.subject == base {
			sum += r.runPerSecond
			count++
		}
	}
	for _, r := range all {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.2f\t%.4f\t%.4f\t%.1f\t%.2f\t%.0f\t%.0f\t%.3f\t\n", r.subject,
			r.createPerSecond, r.runPerSecond, r.runPerSecond/(sum/count), r.clientCPU+r.serverCPU, r.clientCPU,
			r.allocs, r.allocBytes/1000, r.storeBytes, r.resident, r.query.Seconds())
	}
	return w.Flush()
}
