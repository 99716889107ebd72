package redisstore

import (
	"testing"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// TestDamagedAttempts: a task whose attempts are lost or malformed is named by every call that
// shows it, and harms no other task.
func TestDamagedAttempts(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	for _, stored := range []string{"", "garbage", "[]", `[{"n":"1"}]`, "[{},{},{},{},{},{},{},{},{}]"} {
		r := start(t, s, 2, 2)
		jobs := r.claim("w", 2)
		w := store.Change{Task: jobs[0].ID, Token: jobs[0].Token, Seq: 1, Kind: store.Fail, Failure: &task.FailureInfo{ErrorCode: "A"}}
		w.Attempts = jobs[0].Tried(w.Failure)
		r.ok(r.work(w).Err)
		key := s.keys.tasks(r.id, 0)
		saved := client.HGet(r.ctx, key, "0a").Val()
		if saved == "" {
			t.Fatal("no attempts are stored")
		}
		client.HSet(r.ctx, key, "0a", stored)
		if stored == "" {
			client.HDel(r.ctx, key, "0a")
		}
		_, err := s.Task(r.ctx, jobs[0].ID)
		names(t, err, key)
		other, err := s.Task(r.ctx, jobs[1].ID)
		if err != nil || other.Attempts != nil {
			t.Errorf("%q: the other task: %+v, %v", stored, other.Attempts, err)
		}
		client.HSet(r.ctx, key, "0a", saved)
		storetest.Check(t, s, r.id)
	}
}

// TestAttemptsCostOnlyFailures: a first attempt that completes leaves nothing beside its head.
func TestAttemptsCostOnlyFailures(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := start(t, s, 1, 1)
	j := r.claim("w", 1)[0]
	r.ok(r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 1, Kind: store.Complete}).Err)
	if fields := client.HKeys(r.ctx, s.keys.tasks(r.id, 0)).Val(); len(fields) != 1 || fields[0] != "0" {
		t.Errorf("fields %q", fields)
	}
}
