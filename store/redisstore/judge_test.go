package redisstore

import (
	"context"
	"sync"
	"testing"
	"time"
)

// TestJudgingRefusesNoCall: while a server that answers is judged, calls are not refused. Each call
// whose context has ended asks for a sign of life, and so for a judgement.
func TestJudgingRefusesNoCall(t *testing.T) {
	t.Parallel()
	n := &node{addr: "server", ping: func(context.Context) error { return nil }}
	time.Sleep(time.Millisecond) // for since to be more than 0
	n.note(nil)
	var judges sync.WaitGroup
	over := make(chan struct{})
	judges.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			if !n.judge(0) {
				t.Error("the server counts as silent")
			}
		}
	})
	for range 500_000 {
		if err := n.refuse(); err != nil {
			t.Errorf("a call is refused: %v", err)
			break
		}
	}
	close(over)
	judges.Wait()
}
