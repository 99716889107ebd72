package memstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

// TestCommitAllocates checks that a commit allocates only memory that the store keeps: sometimes a
// chunk of the log.
func TestCommitAllocates(t *testing.T) {
	const n, runs = 4000, 1000
	s := memstore.New()
	b := store.Batch{Plan: running(t, s, n), Changes: make([]store.Change, 0, 1)}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint("claim-", i)
	}
	data := []byte("1")
	i := 0
	life := func() {
		b.Claim = store.Claim{ID: ids[i], Worker: "worker", Max: 1}
		i++
		if err := s.Commit(t.Context(), &b); err != nil || len(b.Claimed) != 1 {
			t.Fatal(err, len(b.Claimed))
		}
		task := &b.Claimed[0]
		b.Changes = append(b.Changes[:0], store.Change{Task: task.ID, Token: task.Token, Seq: 1, Kind: store.Save, Elapsed: time.Second})
		b.Changes[0].Step, b.Changes[0].Data = "STEP", data
		b.Claim = store.Claim{}
		if err := s.Commit(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		b.Changes[0] = store.Change{Task: b.Changes[0].Task, Token: b.Changes[0].Token, Seq: 2, Kind: store.Complete, Elapsed: time.Minute}
	}
	for range 2000 { // until the maps have reached their size
		life()
	}
	if allocs := testing.AllocsPerRun(runs, life); allocs > 0 {
		t.Errorf("%v allocations per task", allocs)
	}
}
