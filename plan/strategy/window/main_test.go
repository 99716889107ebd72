package window_test

import (
	"flag"
	"testing"
	_ "time/tzdata" // so that the tests do not depend on the host

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the generated part of the documentation")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
