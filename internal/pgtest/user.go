package pgtest

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// nobody is the user, and the group, as whom servers run if the tests are root.
const nobody = 65534

// asUser returns the command line that runs a binary as an ordinary user, and lets it end with the
// tests: the change of the user clears what proctest has asked for.
func asUser(t testing.TB, path string, args []string) (string, []string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return path, args
	}
	id := strconv.Itoa(nobody)
	return binary(t, "setpriv"), append([]string{"--reuid=" + id, "--regid=" + id, "--clear-groups", "--pdeathsig", "KILL", "--", path}, args...)
}

// folder returns a new folder that belongs to that user.
func folder(t testing.TB) string {
	t.Helper()
	// The parent of t.TempDir may be closed to other users.
	dir, err := os.MkdirTemp("", "pgtest") //nolint:usetesting // see above
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	own(t, dir)
	return dir
}

// own gives a file or a folder to that user.
func own(t testing.TB, path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chown(path, nobody, nobody); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
}

// run runs a binary as that user to its end.
func run(t testing.TB, dir, path string, args ...string) {
	t.Helper()
	path, args = asUser(t, path, args)
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pgtest: %s: %v\n%s", path, err, out)
	}
}
