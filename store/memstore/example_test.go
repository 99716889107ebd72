package memstore_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

func ExampleNew() {
	ctx := context.Background()
	s := memstore.New()
	c, err := s.BeginCreate(ctx, store.Create{
		Plan: plan.Plan{Name: "blue-green switch", ExecutorType: "BLUE_GREEN_SWITCH", TaskCount: 2},
		Mark: rand.Text(), // the same when the call is sent again
		TTL:  time.Minute,
	})
	if err != nil {
		panic(err)
	}
	if err := s.AddTenants(ctx, c, 1, plan.Tenants("tenant1", "tenant2")); err != nil {
		panic(err)
	}
	if err := s.FinishCreate(ctx, c); err != nil {
		panic(err)
	}
	p, err := s.Plan(ctx, c.ID)
	fmt.Println(p.Name, p.State, p.TaskCount, err)
	// Output: blue-green switch CREATED 2 <nil>
}
