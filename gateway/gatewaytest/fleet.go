package gatewaytest

import (
	"strings"
	"testing"
	"time"
)

// shortTimeout is for gateways that wait for an instance that does not come back.
const shortTimeout = 2 * time.Second

func testOneOfThreeIsDead(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 3)
	f.Place(t, "acme")
	mustSwitch(t, f.Gateway(t, timeout), change("acme", Green, Blue, 1))
	f.Kill(t, 1)
	err := f.Gateway(t, shortTimeout).Switch(t.Context(), change("acme", Blue, Green, 2))
	if err == nil || !strings.Contains(err.Error(), f.Name(1)) {
		t.Fatalf("with %s dead: %v", f.Name(1), err)
	}
	wantCode(t, err, "GATEWAY_UNAVAILABLE", "GATEWAY_TIMEOUT", "SWITCH_NOT_CONFIRMED")
	colour, err := f.Ask(t.Context(), 0, "acme")
	if err != nil {
		t.Fatal(err)
	}
	s.wantServed(t, f, "acme", colour, 2) // not switched by halves
	f.Start(t, 1)
	g := f.Gateway(t, timeout)
	mustSwitch(t, g, change("acme", Blue, Green, 3))
	s.wantServed(t, f, "acme", Green, 0, 1, 2)
}

func testJoinerIsBroughtUp(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 1)
	f.Place(t, "acme", "beta")
	g := f.Gateway(t, timeout)
	mustSwitch(t, g, change("acme", Green, Blue, 1))
	joiner := f.Join(t)
	wantCurrent(t, g, "acme", Blue) // counts the joiner
	s.wantServed(t, f, "acme", Blue, 0, joiner)
	mustSwitch(t, g, change("beta", Green, Blue, 2))
	s.wantServed(t, f, "beta", Blue, 0, joiner)
}

func testLeaverDoesNotCount(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 2)
	f.Place(t, "acme")
	g := f.Gateway(t, timeout)
	mustSwitch(t, g, change("acme", Green, Blue, 1))
	f.Leave(t, 1)
	mustSwitch(t, g, change("acme", Blue, Green, 2))
	s.wantServed(t, f, "acme", Green, 0)
	f.Leave(t, 0)
	if err := f.Gateway(t, shortTimeout).Switch(t.Context(), change("acme", Green, Blue, 3)); err == nil {
		t.Error("switched without a proxy")
	}
}
