package redisstore

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// claimAs claims up to n tasks under the given claim id.
func (r *rollout) claimAs(id, worker string, n int) []task.Task {
	r.Helper()
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: id, Worker: worker, Max: n}}
	r.ok(r.Commit(r.ctx, &b))
	return b.Claimed
}

// work commits one change.
func (r *rollout) work(w store.Change) store.Change {
	r.Helper()
	b := store.Batch{Plan: r.id, Changes: []store.Change{w}}
	r.ok(r.Commit(r.ctx, &b))
	return b.Changes[0]
}

// TestOddNames: claim ids and names of workers may contain any bytes.
func TestOddNames(t *testing.T) {
	t.Parallel()
	s := openStore(t, redistest.Start(t).Client(), Config{})
	names := []string{"a\tb", "a\nb", "\v\f\r", "a/0", "/", "a b", " ", "%", "%20", "\x00", "é\u0085", strings.Repeat("\x00", 64)}
	for _, name := range names {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			t.Parallel()
			r := start(t, s, 10, 10)
			r.ok(s.Join(r.ctx, name, time.Minute, store.Process{}))
			jobs := r.claimAs(name, name, 2)
			again := r.claimAs(name, name, 2)
			if len(jobs) != 2 || len(again) != 2 || again[1].ID != jobs[1].ID || again[1].Worker != name {
				t.Fatalf("claimed %+v, and again %+v", jobs, again)
			}
			if held, err := s.Heartbeat(r.ctx, name, time.Minute, []plan.ID{r.id}); err != nil || len(held) != 2 || held[0].Worker != name {
				t.Errorf("held: %v, %v", held, err)
			}
			for _, j := range jobs {
				if w := r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 1, Kind: store.Complete}); w.Err != nil {
					t.Error(w.Err)
				}
			}
			if again := r.claimAs(name, name, 2); len(again) != 0 {
				t.Errorf("the claim has tasks after their end: %+v", again)
			}
			storetest.Check(t, s, r.id)
		})
	}
}

// TestClaimsThatBeginAlike: a claim is not mistaken for an ended claim whose id begins with the
// same characters.
func TestClaimsThatBeginAlike(t *testing.T) {
	t.Parallel()
	r := start(t, openStore(t, redistest.Start(t).Client(), Config{}), 10, 10)
	j := r.claimAs("a/1", "w", 1)[0]
	r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 1, Kind: store.Complete})
	if got := r.claimAs("a", "w", 1); len(got) != 1 {
		t.Errorf("claimed %v, want a task", got)
	}
}

// TestSeqZero: a change with number 0 has no effect after the change with the highest possible
// number.
func TestSeqZero(t *testing.T) {
	t.Parallel()
	r := start(t, openStore(t, redistest.Start(t).Client(), Config{}), 1, 1)
	j := r.claim("w", 1)[0]
	for _, seq := range []uint32{1<<32 - 1, 0} {
		r.work(store.Change{Task: j.ID, Token: j.Token, Seq: seq, Saved: store.Saved{Step: fmt.Sprint(seq), Data: []byte("1")}})
	}
	got, err := r.Task(r.ctx, j.ID)
	r.ok(err)
	if got.Checkpoint.Step != "4294967295" {
		t.Errorf("the checkpoint is %s", got.Checkpoint)
	}
}

// TestClockFarBehind: the store works on a server whose clock was never set and counts from 1970,
// so that its times have fewer digits, and on one whose clock is set back to such a time.
func TestClockFarBehind(t *testing.T) {
	t.Parallel()
	client, mini := redistest.MiniServer(t)
	behind, right := time.Unix(3*86400, 0), time.Unix(1_795_443_213, 0)
	mini.SetTime(behind)
	r := start(t, openStore(t, client, Config{}), 10, 10)
	jobs := r.claim("w", 2)
	for i, at := range []time.Time{behind, right, behind} {
		mini.SetTime(at)
		for _, j := range jobs {
			w := store.Change{Task: j.ID, Token: j.Token, Seq: uint32(i + 1), Saved: store.Saved{Step: "A", Data: []byte("1")}}
			if w = r.work(w); w.Err != nil {
				t.Error(w.Err)
			}
		}
	}
	r.work(store.Change{Task: jobs[0].ID, Token: jobs[0].Token, Seq: 4, Kind: store.Complete})
	r.work(store.Change{Task: jobs[1].ID, Token: jobs[1].Token, Seq: 4, Kind: store.Yield})
	if again := r.claim("w", 1); len(again) != 1 || again[0].ID != jobs[1].ID || again[0].Token <= jobs[1].Token {
		t.Errorf("claimed again: %+v", again)
	}
	storetest.Check(t, r.Store, r.id)
}

// TestLargeCheckpoint: a checkpoint may be so long that its length does not fit into three bytes.
func TestLargeCheckpoint(t *testing.T) {
	t.Parallel()
	r := start(t, openStore(t, redistest.Start(t).Client(), Config{}), 2, 2)
	j := r.claim("w", 1)[0]
	large := append(append([]byte{'"'}, bytes.Repeat([]byte("x"), 1<<24)...), '"')
	r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 1, Saved: store.Saved{Step: "A", Data: large}})
	r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 2, Kind: store.Yield})
	again := r.claim("w", 1)
	if len(again) != 1 || !bytes.Equal(again[0].Checkpoint.Data, large) {
		t.Errorf("claimed %d tasks, want one with its checkpoint", len(again))
	}
	storetest.Check(t, storetest.Intercept(r.Store, repeat), r.id) // a slow machine may time out
}

// TestTwinsInOneRoundTrip: if the same batch is submitted several times at once, one round trip may
// carry all copies. Each gets the same answer.
func TestTwinsInOneRoundTrip(t *testing.T) {
	t.Parallel()
	s := openStore(t, redistest.Start(t).Client(), Config{})
	r := start(t, s, 100, 10)
	j := r.claim("w", 1)[0]
	batches := make([]store.Batch, 3)
	tr := &roundTrip{}
	for i := range batches {
		batches[i] = store.Batch{
			Plan:    r.id,
			Changes: []store.Change{{Task: j.ID, Token: j.Token, Seq: 1, Kind: store.Complete}},
			Claim:   store.Claim{ID: "next", Worker: "w", Max: 2},
		}
		c := newCall()
		c.encode(&batches[i])
		tr.calls = append(tr.calls, c)
	}
	_ = s.queues.commit(r.ctx, r.id, s.queues.of(r.id), tr)
	for i := range batches {
		b := &batches[i]
		r.ok(tr.calls[i].err)
		r.ok(tr.calls[i].answerTo(b, s.keys))
		if b.Changes[0].Err != nil || b.Changes[0].State != task.Completed {
			t.Errorf("answer %d: %+v", i, b.Changes[0])
		}
		if len(b.Claimed) != 2 || b.Claimed[0].ID.Ordinal() != 2 || b.Claimed[1].ID.Ordinal() != 3 {
			t.Errorf("answer %d: claimed %v", i, b.Claimed)
		}
	}
	storetest.Check(t, s, r.id)
}
