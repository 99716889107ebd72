package memstore

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// checkLockTable compares a table with the locks that it should have.
func checkLockTable(t *testing.T, got *lockTable, want map[string]store.TenantLock) {
	t.Helper()
	if got.len() != len(want) {
		t.Fatalf("%d locks, want %d", got.len(), len(want))
	}
	for tenant, l := range want {
		if had := got.get(tenant); had == nil || *had != l {
			t.Fatalf("%v, want %v", had, l)
		}
	}
	taken := 0
	for _, s := range got.slots {
		if s != 0 {
			taken++
		}
	}
	withMemory, n := 0, 0
	for i := range got.chunks {
		n += got.chunks[i].n
		if got.chunks[i].locks != nil {
			withMemory++
		}
	}
	if withMemory > len(want)+1 || n != len(want) {
		t.Fatalf("%d chunks with %d locks, want %d", withMemory, n, len(want))
	}
	if taken != len(want) || 4*taken > 3*len(got.slots) {
		t.Fatalf("%d of %d slots are taken by %d locks", taken, len(got.slots), len(want))
	}
}

// A table is a map from tenants to locks, whatever is added and removed, also when it is as full as
// it gets and when it becomes empty.
func TestLockTable(t *testing.T) {
	t.Parallel()
	for _, tenants := range []int{1, 48, 49, 3 * chunkSize} {
		random := rand.New(rand.NewPCG(7, uint64(tenants)))
		table, model := newLockTable(), make(map[string]store.TenantLock)
		for range 15 {
			growing := random.IntN(2) == 0
			for range 2 * tenants {
				l := store.TenantLock{Tenant: fmt.Sprint("tenant-", random.IntN(tenants)), Plan: plan.ID(random.IntN(2))}
				had, taken := model[l.Tenant]
				if growing == (random.IntN(5) > 0) {
					if in := table.add(l); taken != (in != nil) || taken && *in != had {
						t.Fatalf("had %v, want %v", in, had)
					}
					if !taken {
						model[l.Tenant] = l
					}
				} else {
					if table.remove(l); taken && had == l {
						delete(model, l.Tenant)
					}
				}
			}
			checkLockTable(t, &table, model)
		}
		for _, l := range model {
			table.remove(l)
		}
		if checkLockTable(t, &table, nil); len(table.slots) > 2*chunkSize || len(table.chunks) > 1 {
			t.Errorf("an empty table keeps %d slots and %d chunks", len(table.slots), len(table.chunks))
		}
	}
}

// Locks whose hashes name the same slot, before and after the last slot, stay apart.
func TestLockTableWithEqualHashes(t *testing.T) {
	t.Parallel()
	table, model := newLockTable(), make(map[string]store.TenantLock)
	var same []store.TenantLock
	for i := 0; len(same) < 20; i++ {
		l := store.TenantLock{Tenant: fmt.Sprint("tenant-", i), Ordinal: i}
		table.slots = make([]slot, fewestSlots)
		if place, _ := table.find(l.Tenant); place >= fewestSlots-2 {
			same = append(same, l)
		}
	}
	table.slots = nil
	for _, l := range same {
		table.add(l)
		model[l.Tenant] = l
	}
	checkLockTable(t, &table, model)
	for _, l := range same {
		table.remove(l)
		delete(model, l.Tenant)
		checkLockTable(t, &table, model)
	}
}
