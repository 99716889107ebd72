package storetest_test

import (
	"flag"
	"log"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The stores in which a model has to find faults need no shortest history, and no file of it.
	for name, value := range map[string]string{"rapid.shrinktime": "0s", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			log.Fatal(err)
		}
	}
	goleak.VerifyTestMain(m)
}
