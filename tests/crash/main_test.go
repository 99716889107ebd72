//go:build crash

package crash

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/redistest"
)

// ordersEnv names the environment variable with the orders of a worker process.
const ordersEnv = "CUTOVER_CRASH_ORDERS"

// TestMain runs a worker if the environment holds orders, and the tests otherwise.
func TestMain(m *testing.M) {
	if text := os.Getenv(ordersEnv); text != "" {
		if err := obey(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if err := redistest.Abreast(2); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
}

// extent selects the faults that a run of the suite includes.
type extent int

const (
	quick extent = iota
	short
	long
)

// extentOf reads the extent from the environment.
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
