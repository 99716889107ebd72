package pgstore

import (
	"testing"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
)

// TestChain: groups that are written and read ahead in one round trip are answered each for itself,
// and the next one finds what the one before has written. One that nobody began is handed back.
func TestChain(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	o := start(t, server.open(t, Config{}), 6)
	o.kept.off = true // else each group but the first has nothing to read
	held := o.Claim("worker", 3)
	groupOf := func(seq uint32) (group []*commit) {
		for i := range held {
			b := sqltest.Saves(o.ID, held[i:i+1], seq, "A", []byte{byte(seq)})
			group = append(group, &commit{Batch: *b, done: make(chan struct{})})
		}
		return group
	}
	end := &commit{Batch: store.Batch{Plan: o.ID}, done: make(chan struct{})}
	end.Changes = []store.Change{{Task: held[0].ID, Token: held[0].Token, Seq: 4, Kind: store.Complete}}
	end.Claim = store.Claim{ID: "next", Worker: "worker", Max: 1}
	groups := [][]*commit{groupOf(1), groupOf(2), groupOf(3), {end}}
	left := groups[1:]
	failed, rest, err := o.carryOut(groups[0], func() []*commit {
		if len(left) == 0 {
			return nil
		}
		next := left[0]
		left = left[1:]
		return next
	})
	if err != nil || failed != nil || rest != nil {
		t.Fatalf("%d failed, %d are left, %v", len(failed), len(rest), err)
	}
	for n, group := range groups {
		for _, c := range group {
			<-c.done
			if c.err != nil || c.Changes[0].Err != nil {
				t.Errorf("group %d: %v, %v", n, c.err, c.Changes[0].Err)
			}
		}
	}
	tasks, _, err := o.Tasks(o.Ctx, o.ID, store.TaskQuery{})
	o.OK(err)
	if len(end.claimed) != 1 || tasks[1].Checkpoint == nil || tasks[1].Checkpoint.Data[0] != 3 || tasks[0].Checkpoint != nil {
		t.Errorf("%d claimed; %+v", len(end.claimed), tasks)
	}
	run(t, server.url(), "ALTER TABLE "+o.cfg.Schema+".event RENAME TO other")
	failed, rest, err = o.carryOut([]*commit{{Batch: store.Batch{Plan: o.ID, Claim: store.Claim{ID: "a", Worker: "worker", Max: 1}}, done: make(chan struct{})}},
		func() []*commit { return groups[0] })
	run(t, server.url(), "ALTER TABLE "+o.cfg.Schema+".other RENAME TO event")
	if err == nil || len(failed) != 1 || len(rest) != len(groups[0]) {
		t.Errorf("%d failed, %d are left, %v", len(failed), len(rest), err)
	}
}
