package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test binary run as a worker, so that the test can kill it.
func TestMain(m *testing.M) {
	if os.Getenv(workerName) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// One trace has the client's request, the plan, what both workers did, and what the gateway got of
// both, also of the one that was killed.
func TestOneTrace(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out strings.Builder
	if err := run(ctx, &out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if n := strings.Count(text, "\ntrace "); n != 1 {
		t.Errorf("%d traces", n)
	}
	for line, want := range map[string]int{
		"command Create": 1, "command Start": 1, "execute MOVE ada": 1, "execute MOVE bob": 1, "execute MOVE cleo": 1, "plan MOVE": 1,
		"POST /gateway/{tenant}": 4, "HTTP POST": 5, "(a span that died with its process)": 1, "after 1 lost worker": 1,
	} {
		if n := strings.Count(text, line); n != want {
			t.Errorf("%q is there %d times, want %d", line, n, want)
		}
	}
	for _, branch := range []string{
		"  deploy ", "    HTTP POST ", "      POST /api/ ", "        command Create ", "          execute MOVE bob ", "            HTTP POST ",
		"              POST /gateway/{tenant} ",
	} {
		if !strings.Contains(text, "\n"+branch) {
			t.Errorf("the tree has no %q", branch)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
