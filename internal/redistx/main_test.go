package redistx_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, redistest.IgnoreDialers()) }
