package redisstore

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store"
)

// Of a plan at most one goroutine rests, and none while calls wait for it.
func TestOneRests(t *testing.T) {
	t.Parallel()
	l := &commitQueue{underWay: 2, duty: make(chan duty, 1)}
	if !l.rest() || l.underWay != 1 {
		t.Errorf("the first does not rest, %d are under way", l.underWay)
	}
	if l.rest() {
		t.Error("a second one rests")
	}
	if !l.leave() || l.leave() {
		t.Error("it does not leave once")
	}
	l.waiting = []*call{newCall()}
	if l.rest() || l.underWay != 1 {
		t.Errorf("one rests although a call waits, %d are under way", l.underWay)
	}
}

// TestCommitsAfterRests: every commit is answered, whether the goroutine that made the last one
// rests, is about to leave, or has left.
func TestCommitsAfterRests(t *testing.T) {
	t.Parallel()
	r := start(t, openStore(t, redistest.Start(t).Client(), Config{}), 1, 1)
	held := r.claim("w", 1)[0]
	const commits = 100
	for seq := range commits {
		// From well before the end of the rest to well after it.
		time.Sleep(restFor/2 + restFor*time.Duration(seq)/commits)
		r.change(held, uint32(seq+1), store.Save)
	}
}
