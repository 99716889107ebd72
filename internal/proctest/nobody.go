package proctest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nobody is an id that owns nothing.
const nobody = 65534

// RunAsNobody runs the current test once more, in a process of a user without rights, and takes
// over its result. It is for tests of missing rights that root has started, who has them all.
func RunAsNobody(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "cutover") //nolint:usetesting // the directories of t.TempDir are for their owner alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // nobody has to read the program there
		t.Fatal(err)
	}
	program := filepath.Join(dir, "test")
	if err := copyProgram(os.Args[0], program); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.v", "-test.run", "^"+t.Name()+"$")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil && strings.Contains(string(out), "--- SKIP: "):
		t.Skipf("%s", out)
	case err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()):
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

// copyProgram copies a program. No process is started meanwhile: it would hold the file open for
// writing for a moment, and such a file cannot be executed.
func copyProgram(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return errors.Join(os.WriteFile(to, content, 0o700), os.Chmod(to, 0o755)) //nolint:gosec // nobody has to run it
}
