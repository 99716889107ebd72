package plan_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files and the generated parts of the documentation")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
