package nginx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/cutover-go/cutover/gateway"
)

// killDelay is how long a command that has ended may hold its output open.
const killDelay = time.Second

// Local returns a [Config.Push] for an nginx on this machine, whose binary is a name on PATH or a
// path. It replaces Instance.MapFile by rename, tests the configuration and, if the test fails,
// puts the old file back; then it reloads nginx. A host's own Push can call it at the remote end.
//
// The reload is a signal: nil means that it was sent, not that nginx runs the new map.
func Local(binary string) func(ctx context.Context, instance Instance, content []byte) error {
	return func(ctx context.Context, i Instance, content []byte) error {
		if i.MapFile == "" {
			return &gateway.SetupError{Expected: "a MapFile of instance " + i.Name + ", or Config.Push", Found: "neither"}
		}
		old, err := os.ReadFile(i.MapFile)
		if errors.Is(err, fs.ErrNotExist) {
			return &gateway.SetupError{Expected: "the map file that nginx includes at " + i.MapFile, Found: "no file", Err: err}
		}
		if err != nil {
			return err
		}
		if err := replace(i.MapFile, old, content); err != nil {
			return err
		}
		if err := i.run(ctx, binary, "-t"); err != nil {
			return errors.Join(fmt.Errorf("nginx -t: %w", err), replace(i.MapFile, content, old))
		}
		if err := i.run(ctx, binary, "-s", "reload"); err != nil {
			return fmt.Errorf("nginx -s reload: %w", err)
		}
		return nil
	}
}

// replace replaces the content of a file, unless it is the same.
func replace(path string, old, content []byte) error {
	if bytes.Equal(old, content) {
		return nil
	}
	return gateway.ReplaceFile(path, content)
}

// run runs a command of nginx for the instance.
func (i Instance) run(ctx context.Context, binary string, args ...string) error {
	if i.ConfigFile != "" {
		args = append(args, "-c", i.ConfigFile)
	}
	if i.Prefix != "" {
		args = append(args, "-p", i.Prefix)
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.WaitDelay = killDelay
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var status *exec.ExitError
	switch {
	case errors.As(err, &status) && args[0] == "-t":
		return &gateway.SetupError{Expected: "a configuration that nginx accepts", Found: firstFault(out), Err: err}
	case errors.As(err, &status):
		return fmt.Errorf("%w: %s", err, firstFault(out))
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return &gateway.SetupError{Expected: "the program " + binary, Found: err.Error(), Err: err}
	}
	return err
}

// firstFault returns the line with which nginx says why it fails.
func firstFault(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, line := range lines {
		if strings.Contains(line, "[emerg]") || strings.Contains(line, "[error]") {
			return line
		}
	}
	return lines[0]
}
