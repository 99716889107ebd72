package redisstore

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/abreast"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/internal/sample"
)

func TestMain(m *testing.M) {
	abreast.Tests(3)
	if err := fewerChecks(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
}

// fewerChecks makes the model draw a third of its histories if neither the flag -rapid.checks nor
// sample.Whole asks for all of them.
func fewerChecks() error {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if given || sample.Whole() {
		return nil
	}
	return flag.Set("rapid.checks", "33")
}

// expire makes keys of the imitation expire in real time, until the test ends.
func expire(t testing.TB, mini interface{ FastForward(time.Duration) }) {
	t.Helper()
	const step = 20 * time.Millisecond
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(step)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case now := <-tick.C:
				mini.FastForward(now.Sub(last))
				last = now
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
}
