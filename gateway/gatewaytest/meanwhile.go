package gatewaytest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/task"
)

const (
	meanwhileTenants = 8
	meanwhileRounds  = 6
	disturbances     = 3
	// settleTime is how long a repair by the gateway may take on a busy machine.
	settleTime   = 30 * time.Second
	pollInterval = 20 * time.Millisecond
)

func testRestartMeanwhile(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 2)
	s.meanwhile(t, f, func() {
		f.Kill(t, 1)
		f.Start(t, 1)
	})
}

func testReloadMeanwhile(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 2)
	s.meanwhile(t, f, func() { f.Reload(t, 1) })
}

// meanwhile switches tenants to and fro, and calls disturb several times in between. In the end
// every instance serves every tenant's last colour. A failure is allowed if it says that trying
// again may help; then the switch is tried again, under a new token.
func (s Suite) meanwhile(t *testing.T, f Fleet, disturb func()) {
	t.Helper()
	tenants := make([]string, meanwhileTenants)
	for i := range tenants {
		tenants[i] = fmt.Sprintf("tenant-%d", i)
	}
	f.Place(t, tenants...)
	g := f.Gateway(t, timeout)
	switched := make(chan struct{}, meanwhileTenants*meanwhileRounds)
	var all sync.WaitGroup
	for _, tenant := range tenants {
		all.Go(func() {
			toAndFro(t, g, tenant, switched)
		})
	}
	for range disturbances {
		for range meanwhileTenants {
			<-switched
		}
		disturb()
	}
	all.Wait()
	for _, tenant := range tenants { // after an even number of switches
		s.settled(t, f, tenant, Green, 0, 1)
		wantCurrent(t, g, tenant, Green)
	}
}

// toAndFro switches one tenant several times, and sends to switched after each time, also when it
// gives up.
func toAndFro(t *testing.T, g bluegreen.Gateway, tenant string, switched chan<- struct{}) {
	t.Helper()
	from, to := Green, Blue
	token := task.Token(0)
	for range meanwhileRounds {
		for {
			token++
			err := g.Switch(t.Context(), change(tenant, from, to, token))
			var failure *executor.Error
			if err == nil {
				break
			}
			if !errors.As(err, &failure) || !failure.Retryable {
				t.Errorf("%s to %s: %v", tenant, to, err)
				break
			}
		}
		switched <- struct{}{}
		from, to = to, from
	}
}

// settled waits until instances serve a tenant by the colour that is wanted.
func (s Suite) settled(t *testing.T, f Fleet, tenant, want string, instances ...int) {
	t.Helper()
	for deadline := time.Now().Add(settleTime); ; time.Sleep(pollInterval) {
		wrong := 0
		for _, i := range instances {
			if got, err := f.Ask(t.Context(), i, tenant); err != nil || got != want {
				wrong++
			}
		}
		if wrong == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.wantServed(t, f, tenant, want, instances...)
			return
		}
	}
}

func testLostAnswer(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 2)
	f.Place(t, "acme")
	g := f.Gateway(t, timeout)
	for token, to := range []string{Blue, Green, Blue} {
		from := map[string]string{Blue: Green, Green: Blue}[to]
		happened := f.LoseAnswer(t, 1)
		mustSwitch(t, g, change("acme", from, to, task.Token(token+1)))
		if !happened() {
			t.Error("no answer was lost")
		}
		s.wantServed(t, f, "acme", to, 0, 1)
	}
}

func testCanceledAnywhere(t *testing.T, s Suite) {
	t.Helper()
	f := s.Start(t, 2)
	const token = 1
	f.Place(t, "first")
	calls := map[string]bool{}
	var mu sync.Mutex
	f.OnCall(func(call string) {
		mu.Lock()
		defer mu.Unlock()
		calls[call] = true
	})
	mustSwitch(t, f.Gateway(t, timeout), change("first", Green, Blue, token))
	f.OnCall(nil)
	if len(calls) < 2 {
		t.Fatalf("a switch made only the calls %v", calls)
	}
	for call := range calls {
		t.Run(call, func(t *testing.T) { s.canceledAt(t, f, call) })
	}
}

// canceledAt cancels a switch at the first call of one kind, and then goes on with it as another
// process does.
func (s Suite) canceledAt(t *testing.T, f Fleet, call string) {
	t.Helper()
	tenant := "at-" + call
	f.Place(t, tenant)
	g := f.Gateway(t, timeout)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.OnCall(func(now string) {
		if now == call {
			cancel()
		}
	})
	began := time.Now()
	err := g.Switch(ctx, change(tenant, Green, Blue, 1))
	f.OnCall(nil)
	if ctx.Err() == nil {
		t.Errorf("the switch made no such call: %v", err)
	}
	if took := time.Since(began); took > timeout/2 {
		t.Errorf("it took %v to return", took)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("canceled, it failed with %v", err)
	}
	next := f.Gateway(t, timeout)
	colour, err := next.Current(t.Context(), tenant)
	if err != nil || colour != Green && colour != Blue {
		t.Fatalf("afterwards the gateway says %q, %v", colour, err)
	}
	s.wantServed(t, f, tenant, colour, 0, 1)
	mustSwitch(t, next, change(tenant, Green, Blue, 2))
	s.wantServed(t, f, tenant, Blue, 0, 1)
}
