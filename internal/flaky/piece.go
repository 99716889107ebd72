package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// redistest and proxytest are the packages that tests with real servers import. skipEnvs make them
// skip those tests, and requireEnvs make them fail if there is no server. runEnv names the variable
// with the number of earlier runs.
const (
	runEnv    = "CUTOVER_RUN"
	redistest = "github.com/cutover-go/cutover/internal/redistest"
	proxytest = "github.com/cutover-go/cutover/internal/proxytest"
)

func skipEnvs() []string    { return []string{"CUTOVER_SKIP_REDIS=1", "CUTOVER_SKIP_PROXIES=1"} }
func requireEnvs() []string { return []string{"CUTOVER_REQUIRE_REDIS=1", "CUTOVER_REQUIRE_PROXIES=1"} }

// pkg is a package with tests, as go list prints it.
type pkg struct {
	Path                      string `json:"ImportPath"`
	Dir                       string
	TestGoFiles, XTestGoFiles []string
	TestImports, XTestImports []string
}

// name returns the name of the package for file names and printed lines.
func (p pkg) name() string {
	name := strings.TrimPrefix(p.Path, "github.com/cutover-go/cutover")
	if name == "" {
		return "root"
	}
	return strings.ReplaceAll(strings.TrimPrefix(name, "/"), "/", "-")
}

func (p pkg) usesServers() bool {
	return slices.ContainsFunc(append(slices.Clone(p.TestImports), p.XTestImports...), func(path string) bool {
		return path == redistest || path == proxytest
	})
}

// list returns the packages that have tests.
func list(ctx context.Context, patterns []string) ([]pkg, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles,TestImports,XTestImports", "--"}, patterns...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, err
		case len(p.TestGoFiles)+len(p.XTestGoFiles) > 0:
			packages = append(packages, p)
		}
	}
}

// build builds the test binary of a package and returns its path and checksum.
func build(ctx context.Context, o options, p pkg) (path, sum string, err error) {
	path = filepath.Join(o.dir, p.name()+".test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", fmt.Sprintf("-race=%t", o.race), "-o", path, p.Path)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("go test -c: %w\n%s", err, out)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return path, hex.EncodeToString(h.Sum(nil)), err
}

// mode is a way to run the tests of a package.
type mode struct {
	name  string
	procs int // 0 means all
	env   []string
	runs  int
}

func modes(o options, p pkg) []mode {
	var all []mode
	for i, procs := range []int{1, 2, 8} {
		all = append(all, mode{name: "cpu" + strconv.Itoa(procs), procs: procs, env: skipEnvs(), runs: (o.runs + 2 - i) / 3})
	}
	if p.usesServers() {
		all = append(all, mode{name: "redis", env: requireEnvs(), runs: o.redisRuns})
	}
	return all
}

// result is the result of a piece.
type result struct {
	failed []string // the names of failed tests, each as often as it failed
	died   bool     // whether the process ended before all its runs were made
	output []byte
	took   time.Duration
}

// runPiece runs the tests n times in one process. before is the number of earlier runs.
func runPiece(ctx context.Context, timeout time.Duration, binary string, p pkg, m mode, n, before int) result {
	cmd := exec.CommandContext(ctx, binary, "-test.short", "-test.count="+strconv.Itoa(n), "-test.timeout="+timeout.String())
	cmd.Dir = p.Dir
	cmd.Env = append(append(os.Environ(), m.env...), runEnv+"="+strconv.Itoa(before))
	if m.procs > 0 {
		cmd.Env = append(cmd.Env, "GOMAXPROCS="+strconv.Itoa(m.procs))
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second // the time that the process has to end before it is killed
	began := time.Now()
	out, err := cmd.CombinedOutput()
	r := result{output: out, took: time.Since(began)}
	if err != nil {
		r.failed, r.died = failures(string(out), err)
	}
	return r
}

var (
	failLine    = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	runningTest = regexp.MustCompile(`(?m)^\s+(Test\S+) \([^)]*\)$`)
)

// failures returns the tests that failed in a process that ended with err, and whether the process
// died before its end. If it timed out, the tests that were running count as failed. If no failed
// test is found, the process itself counts as one.
func failures(out string, err error) (failed []string, died bool) {
	for _, m := range failLine.FindAllStringSubmatch(out, -1) {
		failed = append(failed, m[1])
	}
	// A test fails with each of its subtests; only the subtests are counted.
	failed = slices.DeleteFunc(failed, func(name string) bool {
		return slices.ContainsFunc(failed, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	})
	died = !strings.HasSuffix(strings.TrimSpace(out), "\nFAIL") && strings.TrimSpace(out) != "FAIL"
	if died {
		if _, running, timedOut := strings.Cut(out, "running tests:\n"); timedOut {
			running, _, _ = strings.Cut(running, "\n\n")
			for _, m := range runningTest.FindAllStringSubmatch(running, -1) {
				failed = append(failed, m[1]+" (hangs)")
			}
		}
	}
	if len(failed) == 0 {
		failed = append(failed, "the process: "+err.Error())
	}
	return failed, died
}
