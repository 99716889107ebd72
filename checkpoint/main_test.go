package checkpoint_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files that do not exist yet")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
