package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/internal/redistest"
)

// shown returns the blocks of commands in a section of the README.
func shown(t *testing.T, title string, blocks int) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+title+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var all []string
	for _, m := range regexp.MustCompile("(?s)\n```\n(.*?)```\n").FindAllStringSubmatch(section, -1) {
		all = append(all, m[1])
	}
	if !found || len(all) != blocks {
		t.Fatalf("the README has %d blocks under %q, want %d", len(all), title, blocks)
	}
	return all
}

// visitor does what the README shows, in a folder. The addresses it names are those of programs on
// free ports.
type visitor struct {
	*testing.T
	dir       string
	addresses map[string]string
	// first is the first plan at a moment, as the API sees it.
	programs []*process
}

// follow runs the lines of a block; of each address that servers is shown for a program is started.
func (v *visitor) follow(block string) {
	v.Helper()
	script := ""
	for line := range strings.Lines(block) {
		args, serves := strings.CutPrefix(line, "bin/server ")
		switch {
		case serves:
			v.serve(strings.Fields(args))
		case strings.HasPrefix(line, "go build -o bin/server ./examples/server"): // it is this program
		default:
			script += line
		}
	}
	if script != "" {
		v.shell(script)
	}
}

// serve starts the program with the flags shown.
func (v *visitor) serve(args []string) {
	v.Helper()
	for i, arg := range args {
		if address, is := strings.CutPrefix(arg, "redis:"); is {
			args[i] = "redis:" + v.addresses[address]
		}
	}
	last := len(args) - 1
	if args[last-1] != "-listen" {
		v.Fatalf("%q does not end with its address", args)
	}
	p := startIn(v.T, v.dir, "", append(args[:last-1:last-1], "-lease", "1s")...)
	v.addresses[args[last]] = strings.TrimSuffix(strings.TrimPrefix(p.base, "http://"), "/api/")
	v.programs = append(v.programs, p)
}

// shell runs commands, and fails the test if one of them fails.
func (v *visitor) shell(script string) {
	v.Helper()
	for _, name := range []string{"curl", "sqlite3"} {
		if _, err := exec.LookPath(name); err != nil && strings.Contains(script, name+" ") {
			if os.Getenv("CI") != "" {
				v.Fatal(err)
			}
			v.Skip(err)
		}
	}
	for address, real := range v.addresses {
		script = strings.ReplaceAll(script, address, real)
	}
	cmd := exec.CommandContext(v.Context(), "sh", "-ec", "curl() { command curl -sS --fail-with-body \"$@\"; echo; }\n"+script)
	cmd.Dir = v.dir
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(script, "sqlite3") && !strings.Contains(string(out), "slow-bob|") {
		v.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// TestReadmeStopsInTheMiddle does what the README shows of a program over a file.
func TestReadmeStopsInTheMiddle(t *testing.T) {
	t.Parallel()
	blocks := shown(t, "Stop it in the middle", 3)
	v := visitor{T: t, dir: t.TempDir(), addresses: make(map[string]string)}
	v.follow(blocks[0])
	v.follow(blocks[1])
	v.programs[0].kill()
	v.follow(blocks[2])
	_, d := v.programs[1].ask(http.MethodGet, "plans/1", "")
	want(t, 0, d, 0, document{"state": "RUNNING"}) // the slow one takes longer than all this
	v.programs[1].interrupt()
	if got := v.programs[1].result(); got.ExitCode() != 0 {
		t.Errorf("after Ctrl-C it ends with %v", got)
	}
	v.follow(blocks[2])
	want(t, 0, v.programs[2].rest("1"), 0, document{"state": "COMPLETED"})
}

// TestReadmeKillsOneOfThree does what the README shows of three programs over one Redis.
func TestReadmeKillsOneOfThree(t *testing.T) {
	t.Parallel()
	blocks := shown(t, "Several processes, one plan", 2)
	v := visitor{T: t, dir: t.TempDir(), addresses: map[string]string{"localhost:6379": redistest.Start(t).Addr()}}
	for _, port := range []string{"8081", "8082", "8083"} {
		v.follow(strings.ReplaceAll(blocks[0], "8081", port))
	}
	v.follow(blocks[1])
	v.programs[0].kill()
	want(t, 0, v.programs[1].rest("1"), 0, document{"state": "COMPLETED"})
}
