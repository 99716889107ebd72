package gatewaytest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/task"
)

func testSwitch(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 2)
	f.Place(t, "acme", "beta")
	g := f.Gateway(t, timeout)
	wantCurrent(t, g, "acme", Green)
	there := change("acme", Green, Blue, 1)
	mustSwitch(t, g, there)
	s.wantServed(t, f, "acme", Blue, 0, 1)
	wantCurrent(t, g, "acme", Blue)
	mustSwitch(t, g, there) // the same again
	mustSwitch(t, g, change("acme", Green, Blue, 2))
	s.wantServed(t, f, "acme", Blue, 0, 1)
	wantCurrent(t, f.Gateway(t, timeout), "acme", Blue)
	mustSwitch(t, g, change("acme", Blue, Green, 3))
	s.wantServed(t, f, "acme", Green, 0, 1)
	wantCurrent(t, g, "acme", Green)
	mustSwitch(t, g, change("acme", Green, Blue, 4))
	s.wantServed(t, f, "acme", Blue, 0, 1)
	s.wantServed(t, f, "beta", Green, 0, 1)
}

func testUnknownTenant(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 1)
	g := f.Gateway(t, timeout)
	colour, err := g.Current(t.Context(), "nobody")
	if s.Unknown == "" {
		wantCode(t, err, "TENANT_NOT_FOUND")
		wantCode(t, g.Switch(t.Context(), change("nobody", Green, Blue, 1)), "TENANT_NOT_FOUND")
		return
	}
	if err != nil || colour != s.Unknown {
		t.Errorf("%q, %v; want %s", colour, err, s.Unknown)
	}
	s.wantServed(t, f, "nobody", s.Unknown, 0)
}

func testMovedOn(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 1)
	f.Place(t, "acme")
	g := f.Gateway(t, timeout)
	wantCode(t, g.Switch(t.Context(), change("acme", "violet", Blue, 5)), task.CodeTenantMovedOn)
	s.wantServed(t, f, "acme", Green, 0)
	mustSwitch(t, g, change("acme", Green, Blue, 1)) // what was refused has left no token
}

func testTwoTenantsAtOnce(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 2)
	f.Place(t, "acme", "beta")
	one, other := f.Gateway(t, timeout), f.Gateway(t, timeout)
	var both sync.WaitGroup
	for tenant, g := range map[string]bluegreen.Gateway{"acme": one, "beta": other} {
		both.Go(func() {
			from, to := Green, Blue
			for token := task.Token(1); token <= 5; token++ {
				if err := g.Switch(t.Context(), change(tenant, from, to, token)); err != nil {
					t.Errorf("%s, token %d: %v", tenant, token, err)
				}
				s.wantServed(t, f, tenant, to, 0, 1)
				from, to = to, from
			}
		})
	}
	both.Wait()
	s.wantServed(t, f, "acme", Blue, 0, 1)
	s.wantServed(t, f, "beta", Blue, 0, 1)
}

func testManyTenantsAtOnce(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 1)
	tenants := make([]string, s.Many)
	for i := range tenants {
		tenants[i] = fmt.Sprintf("tenant-%d", i)
	}
	f.Place(t, tenants...)
	g := f.Gateway(t, 9*timeout)
	var all sync.WaitGroup
	for _, tenant := range tenants {
		all.Go(func() {
			if err := g.Switch(t.Context(), change(tenant, Green, Blue, 1)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := 0; i < len(tenants); i += 1 + len(tenants)/200 {
		s.wantServed(t, f, tenants[i], Blue, 0)
	}
	s.wantServed(t, f, tenants[len(tenants)-1], Blue, 0)
}

func testLowerTokenRefused(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 1)
	f.Place(t, "acme")
	g := f.Gateway(t, timeout)
	mustSwitch(t, g, change("acme", Green, Blue, 7))
	late := change("acme", Blue, Green, 6)
	wantCode(t, g.Switch(t.Context(), late), "GATEWAY_REFUSED")
	s.wantServed(t, f, "acme", Blue, 0)
	mustSwitch(t, g, change("acme", Green, Blue, 9)) // finds nothing to do, and counts all the same
	late.Token = 8
	wantCode(t, f.Gateway(t, timeout).Switch(t.Context(), late), "GATEWAY_REFUSED")
	s.wantServed(t, f, "acme", Blue, 0)
}

func testBadInputRefused(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 1)
	f.Place(t, "acme")
	g := f.Gateway(t, timeout)
	for _, tenant := range []string{"", "a b", "a;b", "#a", "a\nb"} {
		if err := g.Switch(t.Context(), change(tenant, Green, Blue, 1)); err == nil {
			t.Errorf("the tenant %q was switched", tenant)
		}
		if colour, err := g.Current(t.Context(), tenant); err == nil {
			t.Errorf("the tenant %q is at %s", tenant, colour)
		}
	}
	for _, colour := range []string{"", "a b", "a;b", "blue|1|1", "a\nb", "nosuchcolour"} {
		if err := g.Switch(t.Context(), change("acme", Green, colour, 1)); err == nil {
			t.Errorf("switched to %q", colour)
		}
	}
	s.wantServed(t, f, "acme", Green, 0)
	mustSwitch(t, g, change("acme", Green, Blue, 1))
}
