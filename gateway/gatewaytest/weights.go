package gatewaytest

import (
	"context"
	"testing"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/task"
)

// Weighted is a gateway that can move a tenant bit by bit.
type Weighted interface {
	bluegreen.Gateway
	Weights(stable, other string) (canary.Weights, error)
}

// testWeights is for gateways that are [Weighted], on proxies that let chance decide about requests
// of nobody in particular.
func testWeights(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 2)
	g, ok := f.Gateway(t, timeout).(Weighted)
	if !ok {
		return
	}
	f.Place(t, "acme", "beta")
	w := weightsOf(t, g)
	wantWeight(t, w, "acme", 0)
	for token, step := range [][2]int{{0, 25}, {25, 50}, {50, 50}} {
		mustSetWeight(t, w, step[0], step[1], token+1)
		wantWeight(t, w, "acme", step[1])
		for i := range 2 {
			wantShare(t, f, i, step[1])
		}
	}
	wantWeight(t, weightsOf(t, f.Gateway(t, timeout)), "acme", 50) // of another process
	f.Kill(t, 0)
	f.Start(t, 0)
	wantWeight(t, w, "acme", 50) // asks it until it has routes
	wantShare(t, f, 0, 50)
	_, err := g.Current(t.Context(), "acme")
	wantCode(t, err, task.CodeTenantMovedOn)
	wantCode(t, g.Switch(t.Context(), change("acme", Green, Blue, 9)), task.CodeTenantMovedOn)
	wantCode(t, setWeight(t.Context(), w, 50, 75, 1), "GATEWAY_REFUSED")
	wantCode(t, setWeight(t.Context(), w, 25, 75, 9), task.CodeTenantMovedOn)
	wantCode(t, setWeight(t.Context(), w, 50, 101, 9), "GATEWAY_REFUSED")
	wantShare(t, f, 1, 50)
	mustSetWeight(t, w, 50, 100, 9)
	s.wantServed(t, f, "acme", Blue, 0, 1)
	wantCurrent(t, g, "acme", Blue)
	mustSetWeight(t, w, 100, 5, 10)
	mustSetWeight(t, w, 5, 0, 11)
	s.wantServed(t, f, "acme", Green, 0, 1)
	wantCurrent(t, g, "acme", Green)
	s.wantServed(t, f, "beta", Green, 0, 1)
	if _, err := g.Weights(Green, Green); err == nil {
		t.Error("two colours that are the same were accepted")
	}
}

func weightsOf(t *testing.T, g bluegreen.Gateway) canary.Weights {
	t.Helper()
	weighted, ok := g.(Weighted)
	if !ok {
		t.Fatalf("a %T has no weights", g)
	}
	w, err := weighted.Weights(Green, Blue)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func setWeight(ctx context.Context, w canary.Weights, from, to, token int) error {
	c := canary.Change{TenantID: "acme", From: from, To: to, Token: task.Token(token), Key: "k"} //nolint:gosec // small
	return w.SetWeight(ctx, c)
}

func mustSetWeight(t *testing.T, w canary.Weights, from, to, token int) {
	t.Helper()
	if err := setWeight(t.Context(), w, from, to, token); err != nil {
		t.Fatalf("from %d to %d percent: %v", from, to, err)
	}
}

func wantWeight(t *testing.T, w canary.Weights, tenant string, want int) {
	t.Helper()
	if got, err := w.Weight(t.Context(), tenant); err != nil || got != want {
		t.Errorf("the weight of %s is %d, %v; want %d", tenant, got, err, want)
	}
}

// wantShare checks what an instance does with requests of acme, within six standard deviations.
func wantShare(t *testing.T, f Fleet, instance, percent int) {
	t.Helper()
	const requests = 200
	blue := 0
	for range requests {
		colour, err := f.Ask(t.Context(), instance, "acme")
		if err != nil {
			t.Fatal(err)
		}
		if colour == Blue {
			blue++
		}
	}
	if want := requests * percent / 100; blue < want-43 || blue > want+43 {
		t.Errorf("%s: %d of %d requests were answered by %s at %d percent", f.Name(instance), blue, requests, Blue, percent)
	}
}
