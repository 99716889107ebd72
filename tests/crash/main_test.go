//go:build crash

package crash

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/abreast"
	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
)

// TestMain runs a worker if the environment holds orders, and the tests otherwise.
func TestMain(m *testing.M) {
	if text := os.Getenv(crashtest.OrdersEnv); text != "" {
		if err := obey(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	abreast.Tests(2)
	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
}
