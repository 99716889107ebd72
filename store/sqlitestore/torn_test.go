package sqlitestore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/store/storetest"
)

// TestTornWrites lets the power fail before every write of a commit of 200 changes, of the commits
// around it and of the checkpoint at the end. Of what was not synced, the disk has lost all, the
// end of the last write, or any sectors. What was answered is there, and each commit is there as a
// whole or not at all.
func TestTornWrites(t *testing.T) {
	t.Parallel()
	const tasks = 2 * store.MaxBatch
	d := newDisk(t, "torn-writes")
	path := newFile(t)
	s, err := Open(t.Context(), path, Config{vfs: "torn-writes"})
	if err != nil {
		t.Fatal(err)
	}
	o := start(t, s, tasks)
	held := o.Claim("worker", tasks)
	d.mark("")
	for seq, step := range []string{"A", "B"} {
		var halves []*store.Batch
		for half := range slices.Chunk(held, store.MaxBatch) {
			halves = append(halves, sqltest.Saves(o.ID, half, uint32(seq+1), step, make([]byte, 300)))
		}
		o.OK(o.together(halves...))
		d.mark(step)
	}
	o.OK(s.Close())

	first := slices.IndexFunc(d.ops, func(op diskOp) bool { return op.kind == diskMark })
	var moments []uint64
	for n := first + 1; n <= len(d.ops); n++ {
		moments = append(moments, uint64(n))
	}
	t.Logf("%d moments", len(moments))
	dir := t.TempDir()
	for i, at := range sample.Of(t, 20, uint64(len(moments))*uint64(numLosses)) {
		n, how := int(moments[at/uint64(numLosses)]), loss(at%uint64(numLosses))
		judgeTorn(t, d, fmt.Sprint(dir, "/", i), o.ID, tasks, n, how)
		if t.Failed() {
			t.Fatalf("the power failed before operation %d of %d, loss %d", n, len(d.ops), how)
		}
	}
}

// judgeTorn opens what is left of the files.
func judgeTorn(t *testing.T, d *disk, dir string, id plan.ID, tasks, n int, how loss) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	m, marks := d.crash(n, how, rand.New(rand.NewPCG(uint64(n), uint64(how)))) //nolint:gosec // repeatable on purpose
	path := m.restore(t, dir)
	s, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Error(err)
		return
	}
	list, next, err := s.Tasks(t.Context(), id, store.TaskQuery{})
	if err != nil || len(list) != tasks || next != 0 {
		t.Fatalf("%d tasks, next %d, %v", len(list), next, err)
	}
	step := func(i int) string {
		if c := list[i].Checkpoint; c != nil {
			return c.Step
		}
		return ""
	}
	for i := range list {
		if step(i) != step(0) {
			t.Errorf("a commit is torn: task 1 has %q, task %d has %q", step(0), i+1, step(i))
			break
		}
	}
	if answered := marks[len(marks)-1]; step(0) < answered {
		t.Errorf("%q was answered, the tasks have %q", answered, step(0))
	}
	storetest.Check(t, s, id)
	intact(t, s)
	if err := errors.Join(s.Close(), os.RemoveAll(dir)); err != nil {
		t.Error(err)
	}
}
