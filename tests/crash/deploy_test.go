//go:build crash

package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/crashtest"
)

// otherBuildEnv names the environment variable with the path of a worker that was built from
// another version. If the variable is empty, the test builds a worker with changed scripts.
const otherBuildEnv = "CUTOVER_CRASH_OTHER_BUILD"

// deploys returns the rows about two builds side by side.
func deploys(t *testing.T) []row {
	t.Helper()
	dir := t.TempDir()
	other := sync.OnceValues(func() (string, error) {
		if path := os.Getenv(otherBuildEnv); path != "" {
			return path, nil
		}
		return buildOther(t.Context(), dir)
	})
	return crashtest.EveryWay(func(w crashtest.Way) []row {
		return []row{{
			Name: "a deploy, and back", Extent: crashtest.Short, Do: deploy(w, other),
			Expect: "two builds with different scripts work on one plan, take over from each other, and finish it",
		}}
	})
}

// otherLine is Lua code that does nothing and that no script contains.
const otherLine = "\ndo end\n"

// buildOther builds a worker whose scripts differ in their source but not in their effect, as the
// scripts of another version of the library may. The server then caches both forms of each script.
func buildOther(ctx context.Context, dir string) (string, error) {
	list, scripts, err := otherScripts(dir)
	if err != nil {
		return "", err
	}
	built := filepath.Join(dir, "worker")
	out, err := exec.CommandContext(ctx, "go", "test", "-c", "-tags", "crash", "-overlay", list, "-o", built, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go test -c: %w\n%s", err, out)
	}
	program, err := os.ReadFile(built)
	if n := bytes.Count(program, []byte(otherLine)); err == nil && n < scripts {
		err = fmt.Errorf("%d scripts of the other build are other ones, want %d", n, scripts)
	}
	return built, err
}

// otherScripts writes changed copies of all scripts but those of the agenda, and the overlay with
// which the go command embeds the copies in place of the originals.
func otherScripts(dir string) (list string, n int, err error) {
	scripts, err := filepath.Glob("../../store/redisstore/scripts/*.lua")
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", 0, err
		}
		// The comment with which a script begins declares what it uses.
		comment := regexp.MustCompile(`^(--.*\n)*`).FindString(string(text))
		other := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(other, []byte(comment+otherLine+string(text[len(comment):])), 0o600); err != nil {
			return "", 0, err
		}
		if path, err = filepath.Abs(path); err != nil {
			return "", 0, err
		}
		overlay.Replace[path] = other
	}
	if len(scripts) == 0 {
		return "", 0, errors.Join(errors.New("there are no scripts"), err)
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		return "", 0, err
	}
	list = filepath.Join(dir, "overlay.json")
	return list, len(scripts), os.WriteFile(list, text, 0o600)
}

// deploy replaces the workers one by one, first with the other build, then with this build again.
// It alternates between kill -9 and an orderly shutdown.
func deploy(w crashtest.Way, other func() (string, error)) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		built, err := other()
		if err != nil {
			t.Fatal(err)
		}
		s, _ := alone(t)
		s.Way = w
		s.Defs.Capacity = 2
		s.Begin(40, 6)
		s.Defs.Pace = 300 * time.Millisecond
		if w.InSequence {
			s.Defs.Pace = 100 * time.Millisecond
		}
		live := []*crashtest.Proc{s.worker("first-0"), s.worker("first-1"), s.worker("first-2")}
		s.AwaitCount("", crashtest.Saved, s.Count("", crashtest.Saved)+3)
		for round, build := range []string{built, ""} {
			for i, p := range live {
				if i%2 == round {
					p.Kill()
				} else {
					p.Stop()
				}
				live[i] = s.worker(fmt.Sprintf("%d-%d", round, i), func(o *orders) { o.Build = build })
				s.AwaitCount(live[i].Orders.Name, crashtest.Ready, 1)
				s.AwaitCount("", crashtest.Saved, s.Count("", crashtest.Saved)+2)
			}
		}
		return s.complete()
	}
}
