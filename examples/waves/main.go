// Command waves rolls a change out to 500 simulated tenants: a canary wave, then three waves. Some
// tenants fail; the flag -fail says which, and with what. In the second wave more fail than the
// plan tolerates: it stops, an operator looks, tries one tenant alone, resumes, approves the next
// wave, and retries what is left. In a terminal all of it is shown live, and Enter gives the
// operator's next command; elsewhere there is a line for each thing that happens.
//
//	go run ./examples/waves
//	go run ./examples/waves -fail tenant-003            the canary wave stops at its first failure
//	go run ./examples/waves -auto -step 20ms | cat      plain lines
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/store/memstore"
)

// options are the program's flags.
type options struct {
	tenants    int
	step, bake time.Duration
	fail       failures
	chosen     bool // whether fail was given, and is not the default
	auto       bool
}

// minTenants leaves tenants for each of the waves.
const minTenants = 10

// check returns an error if the flags make no rollout, or not the one that was asked for.
func (o options) check() error {
	if o.tenants < minTenants {
		return fmt.Errorf("-tenants: %d is less than %d", o.tenants, minTenants)
	}
	if o.step < 0 || o.bake < 0 {
		return errors.New("-step or -bake is negative")
	}
	tenants := map[string]bool{}
	for n := range o.tenants {
		tenants[tenantID(n+1)] = true
	}
	for _, id := range slices.Sorted(maps.Keys(o.fail)) {
		if o.chosen && !tenants[id] {
			return fmt.Errorf("-fail: there is no %q among %s to %s", id, tenantID(1), tenantID(o.tenants))
		}
	}
	return nil
}

// defaultFailures are three tenants of the second wave, which tolerates one, and one of the last.
const defaultFailures = "tenant-034 tenant-047=STATUS_REFUSED tenant-052 tenant-444"

func main() {
	o := options{fail: parseFailures(defaultFailures)}
	flag.IntVar(&o.tenants, "tenants", 500, "how many tenants there are, at least 10")
	flag.DurationVar(&o.step, "step", 100*time.Millisecond, "how long each of a tenant's two steps takes")
	flag.DurationVar(&o.bake, "bake", 2*time.Second, "how long a wave bakes before the next one")
	flag.Func("fail", "tenants that fail, with an optional `tenant=CODE`, for instance \""+defaultFailures+"\" (the default)", func(text string) error {
		o.fail, o.chosen = parseFailures(text), true
		return nil
	})
	flag.BoolVar(&o.auto, "auto", false, "give the operator's commands without waiting for Enter")
	flag.Parse()
	if err := o.check(); err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := show(ctx, o); err != nil && !errors.Is(err, errQuit) {
		log.Fatal(err)
	}
}

// show runs the rollout, in a terminal with the live view.
func show(ctx context.Context, o options) error {
	if !terminal(os.Stdout) {
		return run(ctx, o, &lines{out: os.Stdout})
	}
	return live(ctx, o)
}

// terminal reports whether file is one; a null device, which is a character device too, is none.
func terminal(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }

// screen is where a rollout is shown.
type screen interface {
	// update shows the rollout as it now is.
	update(s status)
	// say shows a line for something that was done or found.
	say(line string)
	// ask returns when the operator wants the command to be given.
	ask(ctx context.Context, command string) error
}

// lines is a screen for pipes and files.
type lines struct {
	mu  sync.Mutex // guards what follows
	out io.Writer
}

func (l *lines) say(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(l.out, line)
}

func (l *lines) update(status) {}

func (l *lines) ask(_ context.Context, command string) error {
	l.say("$ " + command)
	return nil
}

// run creates the plan and does what the operator does, until nothing is left to do.
func run(ctx context.Context, o options, s screen) error {
	m, err := newMover(o)
	if err != nil {
		return err
	}
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{executorType: m}})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = engine.Run(ctx) }) // it ends with its context
	defer running.Wait()
	defer stop()
	return (&operator{engine: engine, mover: m, screen: s}).operate(ctx, spec(o))
}
