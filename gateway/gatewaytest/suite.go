package gatewaytest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/task"
)

// The colours between which the suite switches. The fleet serves both.
const (
	Green = "green"
	Blue  = "blue"
)

// Fleet is a number of proxies in front of backends that answer with their colour. Instances are
// numbered from 0. Methods that start or end something are called from the test's goroutine only;
// Ask is called from any.
type Fleet interface {
	// Gateway returns a new gateway over the fleet, as a process has one that has just been
	// started. It bounds its wait for the proxies by timeout. The fleet keeps it running until the
	// end of the test, if it needs that to repair proxies.
	Gateway(t *testing.T, timeout time.Duration) bluegreen.Gateway
	// Place makes tenants known that the gateway could not switch otherwise, at Green.
	Place(t *testing.T, tenants ...string)
	// Name returns the name of an instance, as errors show it.
	Name(instance int) string
	// Ask sends a request of a tenant through one instance, over a new connection, and returns the
	// colour that answered.
	Ask(ctx context.Context, instance int, tenant string) (string, error)
	// Kill ends an instance, as a crash does. Start starts it again, with what it has kept, and
	// returns when it answers. Reload makes it read its configuration again.
	Kill(t *testing.T, instance int)
	Start(t *testing.T, instance int)
	Reload(t *testing.T, instance int)
	// Join adds a new instance, which has nothing, to the fleet. Leave removes one, which is
	// killed.
	Join(t *testing.T) (instance int)
	Leave(t *testing.T, instance int)
	// LoseAnswer loses the answer to the next change at an instance, or all that the gateway would
	// learn of it. The function that it returns reports whether that has happened.
	LoseAnswer(t *testing.T, instance int) (happened func() bool)
	// OnCall calls f before each call that gateways make to the outside, with what the call is for.
	// A nil f ends that.
	OnCall(f func(call string))
}

// Suite is what the suite needs to know of a gateway.
type Suite struct {
	// Start starts a fleet for one test.
	Start func(t *testing.T, instances int) Fleet
	// Unknown is the colour of a tenant without a route; empty if such a tenant fails with
	// TENANT_NOT_FOUND.
	Unknown string
	// Lag is how long a proxy may still answer requests by the old route after a switch. Default 0:
	// not at all.
	Lag time.Duration
	// Many is the number of tenants that are switched at once. Default 10,000; 500 with -short.
	Many int
}

// timeout is how long gateways may wait for proxies: longer than that takes on a busy machine.
const timeout = 20 * time.Second

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	t.Helper()
	if s.Many == 0 {
		s.Many = 10_000
		if testing.Short() {
			s.Many = 500
		}
	}
	for name, test := range map[string]func(*testing.T, Suite){
		"Switch":             testSwitch,
		"UnknownTenant":      testUnknownTenant,
		"MovedOn":            testMovedOn,
		"TwoTenantsAtOnce":   testTwoTenantsAtOnce,
		"ManyTenantsAtOnce":  testManyTenantsAtOnce,
		"LowerTokenRefused":  testLowerTokenRefused,
		"BadInputRefused":    testBadInputRefused,
		"OneOfThreeIsDead":   testOneOfThreeIsDead,
		"JoinerIsBroughtUp":  testJoinerIsBroughtUp,
		"LeaverDoesNotCount": testLeaverDoesNotCount,
		"RestartMeanwhile":   testRestartMeanwhile,
		"ReloadMeanwhile":    testReloadMeanwhile,
		"LostAnswer":         testLostAnswer,
		"CanceledAnywhere":   testCanceledAnywhere,
		"Weights":            testWeights,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

// change is a switch of one tenant under a token.
func change(tenant, from, to string, token task.Token) bluegreen.Change {
	return bluegreen.Change{TenantID: tenant, From: from, To: to, Token: token, Key: fmt.Sprintf("%d/%s", token, to)}
}

func mustSwitch(t *testing.T, g bluegreen.Gateway, c bluegreen.Change) {
	t.Helper()
	if err := g.Switch(t.Context(), c); err != nil {
		t.Fatalf("switching %s to %s: %v", c.TenantID, c.To, err)
	}
}

func wantCurrent(t *testing.T, g bluegreen.Gateway, tenant, want string) {
	t.Helper()
	if got, err := g.Current(t.Context(), tenant); err != nil || got != want {
		t.Errorf("the gateway says %s is at %q, %v; want %s", tenant, got, err, want)
	}
}

// wantServed checks what requests of a tenant are answered by instances.
func (s Suite) wantServed(t *testing.T, f Fleet, tenant, want string, instances ...int) {
	t.Helper()
	deadline := time.Now().Add(s.Lag)
	for _, i := range instances {
		got, err := f.Ask(t.Context(), i, tenant)
		for (err != nil || got != want) && time.Now().Before(deadline) {
			time.Sleep(pollInterval)
			got, err = f.Ask(t.Context(), i, tenant)
		}
		if err != nil || got != want {
			t.Errorf("%s answers %s with %q, %v; want %s", f.Name(i), tenant, got, err, want)
		}
	}
}

// wantCode checks the code of a failure.
func wantCode(t *testing.T, err error, codes ...string) {
	t.Helper()
	var failure *executor.Error
	if !errors.As(err, &failure) {
		t.Errorf("%v, want a failure with the code %v", err, codes)
		return
	}
	for _, code := range codes {
		if failure.Code == code {
			return
		}
	}
	t.Errorf("%s: %v; want the code %v", failure.Code, err, codes)
}
