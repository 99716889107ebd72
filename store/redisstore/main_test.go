package redisstore

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/redistest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if err := redistest.Abreast(3); err != nil { // the tests mostly wait
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
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
