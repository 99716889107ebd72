//go:build unix

package renewal

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
)

// TestProcessStalledPastTheTTL stops the process that holds a lease with SIGSTOP for longer than
// the TTL. After SIGCONT the process must report the loss and must not renew the lock, which
// another owner holds by then.
func TestProcessStalledPastTheTTL(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), stallAddr+"="+server.Addr())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "held" {
		t.Fatalf("the process says %q", lines.Text())
	}
	rdb := server.Client()
	eventually(t, 5*time.Second, func() bool { return pttl(t, rdb, "lock") > 0 }, "no lock")
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() bool { return rdb.Exists(ctx, "lock").Val() == 0 }, "the lock outlives its holder's stall")
	set(t, rdb, "lock", "next", 30*time.Second)
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "lost after") || !strings.Contains(lines.Text(), "in time") {
		t.Errorf("the process says %q, want lost, by its own deadline", lines.Text())
	}
	for lines.Scan() {
		t.Log(lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if left := pttl(t, rdb, "lock"); rdb.Get(ctx, "lock").Val() != "next" || left > 30*time.Second {
		t.Error("the next holder's lock was touched")
	}
}
