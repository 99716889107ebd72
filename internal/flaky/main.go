// Command flaky finds tests that fail sometimes. It runs the tests of each package hundreds of
// times under the race detector and keeps a tally. The runs are without servers, a third of them
// each on 1, 2 and 8 processors; some more runs are with real servers.
//
//	go run ./internal/flaky [flags] [packages]
//
// Packages and modes take turns, a minute each, so that an hour covers all of them. Tests run with
// -short, with which long tests do less work, so that more runs fit into an hour. CUTOVER_RUN is
// the number of earlier runs, so that tests with random seeds use other seeds in each run.
//
// The tally is a file of the repository: after an interruption, on another day or on another
// machine, the command continues where it stopped, and a further run with more packages or more
// repetitions adds to the tally. It counts the runs of a package since a test of it failed last,
// over all builds: after a failure the next build starts from zero. The output of processes in
// which a test failed is stored next to the test binaries. The command exits with status 1 if the
// tally of the given packages has a failure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// maxFailedPieces is the number of processes with failures after which a package is not run any
// more: the package must be fixed, and further runs show nothing new.
const maxFailedPieces = 20

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "flaky:", err)
		os.Exit(1)
	}
}

// options are the values of the flags, and the packages.
type options struct {
	runs, redisRuns int
	parallel        int
	piece, timeout  time.Duration
	race            bool
	dir, tally      string
	patterns        []string
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("flaky", flag.ContinueOnError)
	flags.IntVar(&o.runs, "runs", 500, "how often the tests of a package run without real servers")
	flags.IntVar(&o.redisRuns, "redis-runs", 50, "how often those that use real servers run with them")
	flags.DurationVar(&o.piece, "piece", time.Minute, "how long one process goes on, roughly: a crash, or an interruption, costs no more")
	flags.IntVar(&o.parallel, "parallel", 1, "how many processes run at a time, of different packages; above 1, others run while tests wait")
	flags.DurationVar(&o.timeout, "timeout", 10*time.Minute, "after which a process is taken to hang")
	flags.BoolVar(&o.race, "race", true, "look for data races")
	flags.StringVar(&o.dir, "dir", "bin/flaky", "where test binaries and failed output are")
	flags.StringVar(&o.tally, "tally", "internal/flaky/tally.json", "the file of the tally")
	err := flags.Parse(args)
	if o.patterns = flags.Args(); len(o.patterns) == 0 {
		o.patterns = []string{"./..."}
	}
	if err == nil && (o.runs < 0 || o.redisRuns < 0 || o.parallel < 1 || o.piece <= 0 || o.timeout <= 0) {
		err = errors.New("numbers of runs cannot be negative, and -parallel and durations are above zero")
	}
	return o, err
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	packages, err := list(ctx, o.patterns)
	if err != nil {
		return err
	}
	t, err := readTally(o.tally)
	if err != nil {
		return err
	}
	turns, err := prepare(ctx, o, packages, t)
	if err == nil {
		err = takeTurns(ctx, o, turns, t)
	}
	fmt.Print(t.report(packages))
	if err != nil {
		return err
	}
	if n := t.failures(packages); n > 0 {
		return fmt.Errorf("%d failures", n)
	}
	return nil
}

// prepare builds the tests of the packages and returns their turns.
func prepare(ctx context.Context, o options, packages []pkg, t *tally) ([]*turn, error) {
	var turns []*turn
	for _, p := range packages {
		binary, sum, err := build(ctx, o, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Path, err)
		}
		e := t.entry(p.Path, sum)
		for _, m := range modes(o, p) {
			turns = append(turns, &turn{p, m, binary, e, 1})
		}
	}
	return turns, nil
}

// next returns how many runs fit into a piece if n runs took the time took. It is at least 1.
func next(n int, took, piece time.Duration) int {
	return max(1, int(piece/max(took/time.Duration(n), time.Millisecond)))
}

// tell prints a line about a piece, and stores the output of the piece if a test failed in it.
func tell(dir string, p pkg, m mode, e *entry, r result) error {
	verdict := "ok  "
	if len(r.failed) > 0 {
		verdict = "FAIL"
		name := fmt.Sprintf("%s-%s-%d.log", p.name(), m.name, e.Runs[m.name])
		if err := os.WriteFile(filepath.Join(dir, name), r.output, 0o600); err != nil {
			return err
		}
	}
	fmt.Printf("%s %s %s: %d of %d, %s\n", verdict, p.name(), m.name, e.Runs[m.name], m.runs, r.took.Round(time.Millisecond))
	for _, name := range r.failed {
		fmt.Printf("     %s\n", name)
	}
	return nil
}
