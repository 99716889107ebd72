package brief_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/cutover-go/cutover/internal/brief"
)

// Goroutines that enter often, of which some leave the processor inside, exclude each other.
func TestMutex(t *testing.T) {
	t.Parallel()
	const workers, rounds = 16, 2000
	var m brief.Mutex
	n := 0
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range rounds {
				m.Lock()
				n++
				if i%100 == 0 {
					runtime.Gosched()
				}
				m.Unlock()
			}
		})
	}
	all.Wait()
	if n != workers*rounds {
		t.Errorf("%d of %d", n, workers*rounds)
	}
}
