package plan

import (
	"fmt"
	"testing"

	"github.com/cutover-go/cutover/task"
)

// A set names the first place of an id, at every size of its table, and for the last place that a
// plan may have.
func TestTenantSet(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 4, 7, 8, 1000, 1 << 10, task.MaxPerPlan} {
		if n == task.MaxPerPlan && testing.Short() {
			continue
		}
		tenants := make([]task.Tenant, n)
		for i := range tenants {
			tenants[i].ID = fmt.Sprint("tenant-", i)
		}
		set := newTenantSet(tenants)
		for i := range tenants {
			if first, twice := set.add(i); twice {
				t.Fatalf("of %d the ids %d and %d are equal", n, first, i)
			}
		}
		for i := 0; i < n; i += 1 + n/1000 {
			if first, twice := set.add(i); !twice || first != i {
				t.Fatalf("of %d the id %d is found: %t, at %d", n, i, twice, first)
			}
		}
		if first, twice := set.add(n - 1); !twice || first != n-1 {
			t.Errorf("the last of %d is found: %t, at %d", n, twice, first)
		}
	}
}

// go test -run '^$' -bench Duplicates -benchtime 5x ./plan
func BenchmarkDuplicates(b *testing.B) {
	tenants := make([]task.Tenant, task.MaxPerPlan)
	for i := range tenants {
		tenants[i].ID = fmt.Sprintf("tenant-%07d", i)
	}
	b.Run("set", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			set := newTenantSet(tenants)
			for i := range tenants {
				if _, twice := set.add(i); twice {
					b.Fatal(i)
				}
			}
		}
	})
	b.Run("map", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			seen := make(map[string]int, len(tenants))
			for i := range tenants {
				if _, twice := seen[tenants[i].ID]; twice {
					b.Fatal(i)
				}
				seen[tenants[i].ID] = i
			}
		}
	})
}
