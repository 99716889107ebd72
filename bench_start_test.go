package cutover_test

import (
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// BenchmarkStart compares the start of a plan of b.N tenants with its creation, for each policy: a
// plan that waits for its tenants locks none, so that its start does not depend on their number.
func BenchmarkStart(b *testing.B) {
	for _, policy := range []strategy.Conflict{strategy.Reject, strategy.Wait} {
		b.Run(policy.String(), func(b *testing.B) {
			e, err := cutover.New(memstore.New(), cutover.Config{})
			if err != nil {
				b.Fatal(err)
			}
			s := plan.Spec{Name: "n", ExecutorType: "X", Strategy: strategy.Strategy{Conflict: policy}, Tenants: make([]task.Tenant, b.N)}
			for i := range s.Tenants {
				s.Tenants[i].ID = fmt.Sprint("t", i)
			}
			began := time.Now()
			p, err := e.Create(b.Context(), s, cutover.ExecutorElsewhere())
			if err != nil {
				b.Fatal(err)
			}
			created := time.Since(began)
			b.ResetTimer()
			if _, err := e.Start(b.Context(), p.ID); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric(b.Elapsed().Seconds()*1000, "ms")
			b.ReportMetric(b.Elapsed().Seconds()/created.Seconds(), "of-creation")
		})
	}
}

// BenchmarkCreate creates a plan of b.N tenants, of a list that the host makes, and of a sequence.
func BenchmarkCreate(b *testing.B) {
	for _, of := range []string{"list", "sequence"} {
		b.Run(of, func(b *testing.B) {
			e, err := cutover.New(memstore.New(), cutover.Config{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			s := plan.Spec{Name: "n", ExecutorType: "X", TenantSeq: numbered(b.N)}
			if of == "list" {
				s.Tenants, s.TenantSeq = slices.Collect(s.TenantSeq), nil
			}
			if _, err := e.Create(b.Context(), s, cutover.ExecutorElsewhere()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// numbered yields n tenants.
func numbered(n int) iter.Seq[task.Tenant] {
	return func(yield func(task.Tenant) bool) {
		for i := range n {
			if !yield(task.Tenant{ID: fmt.Sprint("t", i)}) {
				return
			}
		}
	}
}
