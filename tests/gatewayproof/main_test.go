//go:build gatewayproof

package gatewayproof

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/redistest"
)

// engineArg is the first argument of a process that is an engine; its orders follow.
const engineArg = "engine"

var (
	tenantCount = flag.Int("tenants", 100, "how many tenants are switched")
	plainReload = flag.Bool("plain-reload", false, "reload without the gateway's lock, to see what that costs")
)

// TestMain runs an engine if the arguments say so, and the tests otherwise.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == engineArg {
		if err := obey(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
}
