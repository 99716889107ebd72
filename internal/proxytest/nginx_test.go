package proxytest_test

import (
	"os"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/proxytest"
)

func TestNginx(t *testing.T) {
	t.Parallel()
	n := proxytest.StartNginx(t, "green", "blue")
	wantColour(t, n, "acme", "green")
	if err := os.WriteFile(n.MapFile, []byte("\"acme\" \"blue|1|1\";\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantColour(t, n, "acme", "green")
	n.Reload()
	// Beside the new worker the old one may accept connections until it is told to stop.
	inRow := 0
	for deadline := time.Now().Add(30 * time.Second); inRow < 50 && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if colour, err := n.Ask(t.Context(), "acme"); err == nil && colour == "blue" {
			inRow++
		} else {
			inRow = 0
		}
	}
	wantColour(t, n, "ACME", "blue")
	n.Kill()
	if colour, err := n.Ask(t.Context(), "acme"); err == nil {
		t.Errorf("%s answered after it was killed", colour)
	}
	n.Start()
	wantColour(t, n, "acme", "blue")
	wantColour(t, n, "beta", "green")
}
