package plan

import (
	"hash/maphash"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/task"
)

// Two tenants whose hashes are equal are compared by their ids.
func TestEqualHashesAreCompared(t *testing.T) {
	t.Parallel()
	var e InvalidError
	s := e.sequence(slices.Values(Tenants("a", "b")), func(*task.Tenant) {})
	hash := maphash.String(s.seed, "a")
	if e.twins(s, map[uint64]struct{}{hash: {}}); e.Total > 0 {
		t.Errorf("different tenants are taken for one: %v", &e)
	}
}

// A sequence that hides what is the same when it is asked to name it is not taken.
func TestTwinsThatAreHidden(t *testing.T) {
	t.Parallel()
	lists := [][]task.Tenant{Tenants("a", "a"), Tenants("a", "b"), Tenants("a", "a")}
	var changing iter.Seq[task.Tenant] = func(yield func(task.Tenant) bool) {
		list := lists[0]
		lists = lists[1:]
		slices.Values(list)(yield)
	}
	var e InvalidError
	if e.sequence(changing, func(*task.Tenant) {}); e.Total != 1 || !strings.Contains(e.Error(), ErrSequenceChanged.Error()) {
		t.Errorf("%d faults: %v", e.Total, &e)
	}
}
