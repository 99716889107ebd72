package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var errExit = errors.New("exit status 2")

func TestFailures(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		out    string
		failed []string
		died   bool
	}{
		"one test": {
			"--- FAIL: TestOne (0.01s)\n    one_test.go:5: wrong\nFAIL\n",
			[]string{"TestOne"},
			false,
		},
		"a test twice, with subtests": {
			"--- FAIL: TestOne (0.01s)\n    --- FAIL: TestOne/a (0.00s)\n--- FAIL: TestOne (0.01s)\n    --- FAIL: TestOne/a (0.00s)\n    --- FAIL: TestOne/b (0.00s)\nFAIL\n",
			[]string{"TestOne/a", "TestOne/a", "TestOne/b"},
			false,
		},
		"a leak at the end": {
			"PASS\ngoleak: Errors on successful test run: found unexpected goroutines\n",
			[]string{"the process: exit status 2"},
			true,
		},
		"a panic": {
			"--- FAIL: TestTwo (0.00s)\npanic: boom [recovered]\n\ngoroutine 7 [running]:\n",
			[]string{"TestTwo"},
			true,
		},
		"a hang": {
			"panic: test timed out after 1s\n\trunning tests:\n\t\tTestSlow (1s)\n\t\tTestSlow/part (1s)\n\ngoroutine 1 [running]:\n",
			[]string{"TestSlow (hangs)", "TestSlow/part (hangs)"},
			true,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed, died := failures(tt.out, errExit)
			if !slices.Equal(failed, tt.failed) || died != tt.died {
				t.Errorf("failed %q, died %v; want %q, %v", failed, died, tt.failed, tt.died)
			}
		})
	}
}

func TestTallyLasts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tally.json")
	tl, err := readTally(path)
	if err != nil {
		t.Fatal(err)
	}
	e := tl.entry("x", "1")
	e.add("cpu1", 100, result{})
	e.add("cpu1", 100, result{failed: []string{"TestA", "TestA"}})
	e.add("cpu1", 100, result{failed: []string{"TestB"}, died: true})
	if err := tl.write(); err != nil {
		t.Fatal(err)
	}

	tl, err = readTally(path)
	if err != nil {
		t.Fatal(err)
	}
	e = tl.entry("x", "1")
	if e.Runs["cpu1"] != 201 || e.Failed["TestA"] != 2 || e.FailedPieces != 2 || tl.failures([]pkg{{Path: "x"}}) != 3 {
		t.Errorf("after reading it again: %+v", e)
	}
	if report := tl.report([]pkg{{Path: "x"}, {Path: "never run"}}); !strings.Contains(report, "TestB") || strings.Contains(report, "never run") {
		t.Errorf("report:\n%s", report)
	}
	if e = tl.entry("x", "2"); len(e.Runs) != 0 || tl.failures([]pkg{{Path: "x"}}) != 0 {
		t.Errorf("the build after a failure has the tally of the one before: %+v", e)
	}
	e.add("cpu2", 7, result{})
	if e = tl.entry("x", "3"); e.Runs["cpu2"] != 7 || e.Builds != 2 || tl.entry("x", "3").Builds != 2 {
		t.Errorf("the build after one without a failure: %+v", e)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readTally(path); err == nil {
		t.Error("a damaged tally is taken for an empty one")
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	all := modes(options{runs: 500, redisRuns: 50}, pkg{TestImports: []string{redistest}})
	sum := 0
	for _, m := range all[:3] {
		sum += m.runs
	}
	if sum != 500 || all[3].runs != 50 {
		t.Errorf("modes %+v", all)
	}
	if n := len(modes(options{runs: 1, redisRuns: 1}, pkg{XTestImports: []string{proxytest}})); n != 4 {
		t.Errorf("%d modes with proxies, want 4", n)
	}
	if n := len(modes(options{runs: 1, redisRuns: 1}, pkg{})); n != 3 {
		t.Errorf("%d modes without servers, want 3", n)
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n    int
		took time.Duration
		want int
	}{{1, time.Second, 60}, {10, time.Second, 600}, {1, time.Hour, 1}, {5, 0, 60000}} {
		if got := next(tt.n, tt.took, time.Minute); got != tt.want {
			t.Errorf("after %d in %s: %d, want %d", tt.n, tt.took, got, tt.want)
		}
	}
}

// TestRun finds the one failing test of a package made for it, and checks that a second run
// continues where the first stopped. TestAlone fails if two processes of the package run at a time.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":        "module example.com/x\n\ngo 1.26\n",
		"x.go":          "package x\n",
		"x_test.go":     "package x\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nvar n int\n\nfunc TestTold(t *testing.T) {\n\tif !testing.Short() || os.Getenv(\"CUTOVER_RUN\") == \"\" {\n\t\tt.Error(\"not told\")\n\t}\n}\n\nfunc TestThird(t *testing.T) {\n\tif n++; n%3 == 0 {\n\t\tt.Error(n)\n\t}\n}\n",
		"alone_test.go": "package x\n\nimport (\n\t\"os\"\n\t\"testing\"\n\t\"time\"\n)\n\nfunc TestAlone(t *testing.T) {\n\tif err := os.Mkdir(\"lock\", 0o700); err != nil {\n\t\tt.Fatal(err)\n\t}\n\ttime.Sleep(20 * time.Millisecond)\n\t_ = os.Remove(\"lock\")\n}\n",
		"y/y_test.go":   "package y\n\nimport \"testing\"\n\nfunc TestY(*testing.T) {}\n",
		"sub/sub.go":    "package sub\n",
		"sub/none.go":   "package sub\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("GOWORK", "off")
	if err := run(t.Context(), []string{"-race=false", "-tally", "tally.json", "-runs", "3", "./..."}); err != nil {
		t.Fatalf("one run in a process each: %v", err)
	}
	if err := run(t.Context(), []string{"-race=false", "-tally", "tally.json", "-runs", "15", "-parallel", "4", "./..."}); err == nil {
		t.Error("the failing test was not found")
	}
	tl, err := readTally("tally.json")
	if err != nil {
		t.Fatal(err)
	}
	e := tl.Entries["example.com/x"]
	if y := tl.Entries["example.com/x/y"]; y == nil || y.runs() != 15 || len(y.Failed) > 0 {
		t.Errorf("tally of the other package %+v", y)
	}
	if len(tl.Entries) != 2 || e.Runs["cpu1"] != 5 || e.Runs["cpu8"] != 5 || e.Failed["TestThird"] != 3 || len(e.Failed) != 1 {
		t.Errorf("tally %+v", e)
	}
	if logs, _ := filepath.Glob("bin/flaky/*.log"); len(logs) != 3 {
		t.Errorf("kept output %v, want three files", logs)
	}
	for _, args := range [][]string{{"-runs", "-1"}, {"-parallel", "0"}} {
		if err := run(t.Context(), args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
