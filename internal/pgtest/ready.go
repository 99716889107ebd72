package pgtest

import (
	"errors"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/proctest"
)

var errEnded = errors.New("the process has ended")

// await waits until what listens on a port answers as PostgreSQL does. It returns an error if the
// process has ended.
func await(t testing.TB, p *proctest.Process, ready string, port int) error {
	t.Helper()
	for until := time.Now().Add(readyTime); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if p.Ended() {
			return errEnded
		}
		cmd := exec.CommandContext(t.Context(), ready, "-q", "-h", proctest.Loopback, "-p", strconv.Itoa(port), "-t", "5", "-U", Superuser, "-d", Superuser)
		if cmd.Run() == nil {
			return nil
		}
	}
	t.Fatalf("pgtest: nothing answers on port %d\n%s", port, p.Tail())
	return nil
}
