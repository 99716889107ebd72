package redistest_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/redistest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if err := redistest.Abreast(4); err != nil { // the tests mostly wait
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
}
