package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestMain makes the test binary run as the program, so that a test can run it with pipes.
func TestMain(m *testing.M) {
	if os.Getenv("HAPROXY_RUN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// runProgram runs the program without a terminal.
func runProgram(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "HAPROXY_RUN=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// TestPipe checks that each tenant is seen to move, there and back, and that no request is lost.
func TestPipe(t *testing.T) {
	t.Parallel()
	if _, err := find("haproxy"); err != nil && os.Getenv("CUTOVER_REQUIRE_PROXIES") != "1" {
		t.Skip(err)
	}
	out, errs, err := runProgram(t, "-tenants", "6", "-rollback")
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs)
	}
	for _, move := range []string{"green -> blue", "blue -> green"} {
		if n := len(regexp.MustCompile(`(?m)^tenant-0[1-6] +`+move+` after \d+ requests$`).FindAllString(out, -1)); n != 6 {
			t.Errorf("%d tenants moved %s", n, move)
		}
	}
	if !strings.Contains(out, "the plan is ROLLED_BACK, all 6 tenants are answered by green; ") || !strings.HasSuffix(out, ", 0 lost\n") {
		t.Errorf("it ends otherwise:\n%s", out)
	}
	if strings.ContainsAny(out, "\r\x1b") {
		t.Errorf("it is no plain text: %q", out)
	}
}

func TestWithoutHAProxy(t *testing.T) {
	t.Parallel()
	out, errs, err := runProgram(t, "-haproxy", "no-such-program")
	var status *exec.ExitError
	if !errors.As(err, &status) || status.ExitCode() != exitUnavailable || !strings.Contains(errs, "needs HAProxy") || out != "" {
		t.Errorf("%v: %q, %q", err, out, errs)
	}
}

// TestDrawOverwrites checks that a drawing begins at the first line of the one before, and clears
// every line.
func TestDrawOverwrites(t *testing.T) {
	t.Parallel()
	tenants := []string{"acme", "beta"}
	s := snapshot{answers: map[string][]string{"acme": {"green", "blue"}}, requests: 2, lost: 1}
	var first, second bytes.Buffer
	lines := draw(&first, tenants, s, 0)
	draw(&second, tenants, s, lines)
	if n := strings.Count(first.String(), "\n"); n != lines || strings.Contains(first.String(), "A\x1b[2K") {
		t.Errorf("%d lines, said to be %d: %q", n, lines, &first)
	}
	if second.String() != "\x1b[3A"+first.String() || strings.Count(first.String(), "\x1b[2K") != lines {
		t.Errorf("%q, then %q", &first, &second)
	}
	if !strings.Contains(first.String(), "\x1b[32m█\x1b[34m█\x1b[0m") || !strings.Contains(first.String(), "2 requests, 1 lost") {
		t.Errorf("%q", &first)
	}
}
