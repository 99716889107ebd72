package engine

import (
	"io"
	"log"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // engines log the faults of their stores by default, and tests make many
	goleak.VerifyTestMain(m)
}
