package sqltest

import (
	"testing"

	"github.com/cutover-go/cutover/store"
)

// heldDamages are changes of a row that says which task has a tenant, or a place in a quota.
//
//nolint:gochecknoglobals // a constant table
var heldDamages = []string{
	"plan = 0", "plan = -1", "plan = 9007199255", "ordinal = 0", "ordinal = -1", "ordinal = 1000000", "phase = -1", "phase = 4294967296",
}

// Locks tests that the lock of a tenant that makes no sense is named by whoever needs it, and is
// neither taken over nor freed; those of other tenants can be read, taken and released.
func (tb Tables) Locks(t *testing.T) {
	t.Helper()
	for _, change := range heldDamages {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			s := tb.site(t)
			lock := func(tenant string, phase uint32) store.TenantLock {
				return store.TenantLock{Tenant: tenant, Plan: 3, Ordinal: 7, Start: 1<<63 + 1, Phase: phase}
			}
			const greatest = 1<<32 - 1
			_, err := s.store.Reserve(t.Context(), []store.TenantLock{lock("a", 1), lock("b", greatest)})
			s.OK(err)
			for _, of := range s.damage("UPDATE @.tenant_lock SET " + change + " WHERE tenant = 'a'") {
				_, err = of.Locks(t.Context(), []string{"b", "a"})
				s.corrupts("locks", err, "tenant_lock", `tenant "a"`)
				for _, phase := range []uint32{1, 2} {
					_, err = of.Reserve(t.Context(), []store.TenantLock{lock("c", 1), lock("a", phase)})
					s.corrupts("a reservation", err, "tenant_lock", `tenant "a"`)
					if done, err := of.Replace(t.Context(), lock("a", phase), lock("a", 3)); err == nil && done {
						t.Error("it was replaced")
					}
				}
				s.OK(of.Release(t.Context(), []store.TenantLock{lock("a", 1), lock("c", 1)}))
				if found, err := of.Locks(t.Context(), []string{"b", "c"}); err != nil || len(found) != 1 || found[0] != lock("b", greatest) {
					t.Errorf("of the others there are %+v, %v", found, err)
				}
			}
			_, err = s.store.Locks(t.Context(), []string{"a"})
			s.corrupts("the lock that was left", err, "tenant_lock", `tenant "a"`)
		})
	}
}

// Places tests that a place in a quota that makes no sense is named by whoever needs it, and counts
// as taken; other quotas can be read, and their places taken.
func (tb Tables) Places(t *testing.T) {
	t.Helper()
	for _, change := range heldDamages {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			s := tb.site(t)
			q, other := store.QuotaKey{Label: "shard", Value: "s1"}, store.QuotaKey{Label: "shard", Value: "s2"}
			ask := func(q store.QuotaKey, ordinal int, phase uint32) []store.Occupation {
				return []store.Occupation{{Place: store.Place{QuotaKey: q, Plan: 3, Ordinal: ordinal, Start: 1<<63 + 1, Phase: phase}, Max: 2}}
			}
			const greatest = 1<<32 - 1
			first := ask(q, 7, 1)
			s.OK(s.store.Occupy(t.Context(), first))
			s.OK(s.store.Occupy(t.Context(), ask(other, 7, greatest)))
			for _, of := range s.damage("UPDATE @.place SET " + change + " WHERE value = 's1'") {
				_, err := of.Places(t.Context(), q)
				s.corrupts("places", err, "place", `quota "shard" = "s1"`)
				if n, err := of.CountPlaces(t.Context(), []store.QuotaKey{q, other}); err != nil || n[0] != 1 || n[1] != 1 {
					t.Errorf("%v places are taken, %v", n, err)
				}
				if change[:5] == "phase" { // it is still the task's
					s.corrupts("its own place", of.Occupy(t.Context(), ask(q, 7, 2)), "place", `quota "shard" = "s1"`)
				}
				s.OK(of.Vacate(t.Context(), []store.Place{first[0].Place}))
				more := append(ask(q, 8, 1), ask(q, 9, 1)...)
				if err := of.Occupy(t.Context(), more); err != nil || !more[0].Taken || more[1].Taken {
					t.Errorf("of two further places %+v are taken, %v", more, err)
				}
				s.OK(of.Vacate(t.Context(), []store.Place{more[0].Place}))
				if found, err := of.Places(t.Context(), other); err != nil || len(found) != 1 || found[0] != ask(other, 7, greatest)[0].Place {
					t.Errorf("of another quota there are %+v, %v", found, err)
				}
			}
		})
	}
}
