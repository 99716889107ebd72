package proxytest_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/internal/proxytest"
)

func TestHAProxy(t *testing.T) {
	t.Parallel()
	h := proxytest.StartHAProxy(t, "green", "blue")
	wantColour(t, h, "acme", "green")
	first := h.PID()
	if err := os.WriteFile(h.MapFile, []byte("acme blue|1|1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantColour(t, h, "acme", "green")
	h.Reload()
	wantColour(t, h, "ACME", "blue")
	wantColour(t, h, "beta", "green")
	second := h.PID()
	h.Kill()
	if colour, err := h.Ask(t.Context(), "acme"); err == nil {
		t.Errorf("%s answered after it was killed", colour)
	}
	h.Start()
	wantColour(t, h, "acme", "blue")
	if first == second || second == h.PID() {
		t.Errorf("processes %d, %d, %d", first, second, h.PID())
	}
}

// asker sends a request of a tenant and returns the colour that answered.
type asker interface {
	Ask(ctx context.Context, tenant string) (string, error)
}

func wantColour(t *testing.T, h asker, tenant, want string) {
	t.Helper()
	if got, err := h.Ask(t.Context(), tenant); err != nil || got != want {
		t.Errorf("%s is answered by %q, %v; want %s", tenant, got, err, want)
	}
}

func TestRelayLosesOneAnswer(t *testing.T) {
	t.Parallel()
	h := proxytest.StartHAProxy(t, "green", "blue")
	relay := proxytest.NewRelay(t, h.Socket)
	direct := h.Socket
	h.Socket = relay.Socket()
	relay.Lose("add map")
	if answer, err := h.Call("show info"); err != nil || !strings.Contains(answer, "Name: HAProxy") {
		t.Errorf("%q, %v", answer, err)
	}
	if answer, err := h.Call("add map " + h.Map + " acme blue|1|1"); answer != "" || relay.Lost() != 1 {
		t.Errorf("not lost: %q, %v", answer, err)
	}
	wantColour(t, h, "acme", "blue")
	if answer, err := h.Call("add map " + h.Map + " beta blue|1|1"); answer != "\n" || relay.Lost() != 1 {
		t.Errorf("the next: %q, %v", answer, err)
	}
	h.Socket = direct
}
