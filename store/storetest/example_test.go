package storetest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

func ExampleFaulty() {
	s := storetest.Faulty(memstore.New(), storetest.FaultConfig{Seed: 1, Before: 0.1, After: 0.1})
	s.Partition()
	err := s.Join(context.Background(), "worker-1", time.Minute, store.Process{})
	fmt.Println(store.Temporary(err), err)
	// Output: true store: unavailable for now: storetest: injected fault
}
