package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestMain makes the test binary run as the program, so that a test can run it with pipes.
func TestMain(m *testing.M) {
	if os.Getenv("BLUEGREEN_RUN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// Without a terminal the output is plain lines, and the last line shows the state of the plan.
func TestPipe(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-rollback")
	cmd.Env = append(os.Environ(), "BLUEGREEN_RUN=1")
	var out, progress bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &progress
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &progress)
	}
	text := progress.String()
	if strings.ContainsAny(text, "\r\x1b") || !strings.HasSuffix(text, "\n") {
		t.Errorf("it is no plain text: %q", text)
	}
	// One tenant always fails, and on a slow machine more may fail.
	failed := regexp.MustCompile(`is FAILED: (\d+) completed`).FindStringSubmatch(out.String())
	if failed == nil || strings.Contains(out.String(), "\r") {
		t.Fatalf("standard output: %q", &out)
	}
	for _, line := range []string{"COMPLETED " + failed[1] + " of 50\n", "COMPLETED 50 of 50\n", "ROLLED_BACK 50 of 50\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is not in\n%s", line, text)
		}
	}
	if n := strings.Count(text, "\n"); n > 3*11 {
		t.Errorf("%d lines", n)
	}
}

// The last drawing of a bar shows the last number, however fast the earlier ones came.
func TestBarEndsWhereThePlanDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		done int
		want string
	}{
		"all":  {50, "100%"},
		"most": {49, "98%"},
		"none": {0, "0%"},
	} {
		var out bytes.Buffer
		b := newBar(&out, 50, "COMPLETED")
		for n := range c.done + 1 {
			if err := b.show(n); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.end(c.done); err != nil {
			t.Fatal(err)
		}
		drawn := strings.Split(strings.TrimRight(out.String(), "\n "), "\r")
		if last := drawn[len(drawn)-1]; !strings.Contains(last, c.want) || !strings.HasSuffix(out.String(), "\n") {
			t.Errorf("%s: the last drawing is %q", name, last)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := &lines{out: &out, total: 3, what: "DONE"}
	for n := range 4 {
		if err := l.show(n); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.end(3); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "DONE 1 of 3\nDONE 2 of 3\nDONE 3 of 3\n" {
		t.Errorf("%q", got)
	}
	none := &lines{out: io.Discard}
	if err := none.end(0); err != nil {
		t.Error(err)
	}
}
