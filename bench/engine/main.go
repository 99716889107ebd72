// Command engine compares cutover on Redis with a rival and with a floor, in one
// run on one server: N tasks, three no-op steps, a 200-byte checkpoint after the
// first two, the final state recorded. Events and fencing are on.
//
//	go run . -n 100000 -c 64 -rounds 2
//	go run . -n 100000 -c 512 -subjects cutover,asynq -- --appendonly yes --appendfsync always
//	go run . -n 999999 -c 512 -subjects cutover -rounds 1
//	go run . -mode growth       cutover alone at 10,000, 100,000 and 1,000,000 tasks
//	go run . -mode sequence     one task at a time, against bare round trips
//	go run . -mode fair         100 small plans beside a large one, against being alone
//
// It starts a redis-server of its own on a free port; what stands after -- goes to
// it. Every round runs all subjects one after the other, so that a ratio never
// compares two moments of a noisy machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// subject is something that can do the workload.
type subject interface {
	name() string
	// run does the workload on an empty server and reports to m when it has created
	// the tasks and when all of them are done.
	run(ctx context.Context, addr string, n, concurrency int, m *meter) error
	// states reads the state of every task and returns how many are done.
	states(ctx context.Context, addr string, n int) (done int, err error)
}

func main() {
	n := flag.Int("n", 100_000, "tasks")
	concurrency := flag.Int("c", 64, "tasks in flight")
	rounds := flag.Int("rounds", 2, "times that every subject runs")
	names := flag.String("subjects", "floor,cutover,asynq", "what to run, the first is what the others are compared with")
	mode := flag.String("mode", "compare", "compare, growth, sequence or fair")
	flag.Parse()
	var err error
	switch *mode {
	case "compare":
		err = compare(*n, *concurrency, *rounds, strings.Split(*names, ","), flag.Args())
	case "growth":
		err = growth(*concurrency, flag.Args())
	case "sequence":
		err = sequence(flag.Args())
	case "fair":
		err = fair(*concurrency, flag.Args())
	default:
		err = fmt.Errorf("unknown mode %q", *mode)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func compare(n, concurrency, rounds int, names, serverArgs []string) error {
	var chosen []subject
	for _, s := range []subject{floor{}, engine{}, rival{}} {
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

// measure runs s on a server that nobody has used before.
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
