//go:build crash

package crash

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/redistest"
)

// ordersEnv holds what a process that is to be a worker has to do.
const ordersEnv = "CUTOVER_CRASH_ORDERS"

// TestMain makes a worker of a process that was given orders, otherwise it runs the
// tests.
func TestMain(m *testing.M) {
	if text := os.Getenv(ordersEnv); text != "" {
		if err := obey(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if err := abreast(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
}

// abreast lets twice as many faults happen at once as there are processors, unless a
// flag says how many: most of the time they wait for a lease to end.
func abreast() error {
	const name = "test.parallel"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return nil
	}
	return flag.Set(name, strconv.Itoa(2*runtime.GOMAXPROCS(0)))
}

// extent is how much is to be done.
type extent int

const (
	quick extent = iota
	short
	long
)

// extentOf reads it from the environment.
func extentOf(t *testing.T) extent {
	t.Helper()
	switch v := os.Getenv("CUTOVER_CRASH"); v {
	case "":
		return quick
	case "short":
		return short
	case "long":
		return long
	default:
		t.Fatalf("CUTOVER_CRASH=%s: it is short or long", v)
		return quick
	}
}
