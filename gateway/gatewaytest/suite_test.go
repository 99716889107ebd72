package gatewaytest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/task"
)

// mutantEnv names the variable with the fault that the gateway of TestSuite has.
const mutantEnv = "CUTOVER_GATEWAY_MUTANT"

// TestSuite runs the suite on a gateway in memory, which passes, unless mutantEnv names a fault.
func TestSuite(t *testing.T) {
	gatewaytest.Run(t, gatewaytest.Suite{
		Start: func(_ *testing.T, n int) gatewaytest.Fleet {
			f := &fleet{mutant: os.Getenv(mutantEnv), table: map[string]row{}}
			for range n {
				f.instances = append(f.instances, &instance{up: true, listed: true, rows: map[string]row{}})
			}
			return f
		},
		Unknown: gatewaytest.Green,
		Many:    100,
	})
}

// TestSuiteFindsFaults checks that each fault makes the part of the suite fail that is meant for
// it.
func TestSuiteFindsFaults(t *testing.T) {
	t.Parallel()
	for mutant, part := range map[string]string{
		"believes the table": "OneOfThreeIsDead", "forgets tokens": "LowerTokenRefused", "ignores From": "MovedOn",
		"skips joiners": "JoinerIsBroughtUp", "takes any input": "BadInputRefused", "leaves halves": "OneOfThreeIsDead",
		"fails on a lost answer": "LostAnswer", "waits for leavers": "LeaverDoesNotCount", "ignores the context": "CanceledAnywhere",
	} {
		t.Run(mutant, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestSuite$/^"+part+"$")
			cmd.Env = append(os.Environ(), mutantEnv+"="+mutant)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestSuite/"+part) {
				t.Errorf("%s passes: %v\n%s", part, err, out)
			}
		})
	}
}

type row struct {
	colour string
	token  task.Token
}

// instance is one imaginary proxy.
type instance struct {
	up, listed bool
	rows       map[string]row
	lose       bool // the answer to the next change
}

// fleet is a fleet in memory. Its gateways share the table.
type fleet struct {
	mutant    string
	mu        sync.Mutex
	table     map[string]row
	instances []*instance
	onCall    func(string)
}

func (f *fleet) Place(*testing.T, ...string) {}
func (f *fleet) Name(i int) string           { return fmt.Sprintf("imaginary-%d", i) }
func (f *fleet) Kill(_ *testing.T, i int)    { f.set(func() { f.instances[i].up = false }) }
func (f *fleet) Start(_ *testing.T, i int)   { f.set(func() { f.instances[i].up = true }) }
func (f *fleet) Reload(*testing.T, int)      {}
func (f *fleet) OnCall(call func(string))    { f.set(func() { f.onCall = call }) }
func (f *fleet) set(change func())           { f.mu.Lock(); defer f.mu.Unlock(); change() }
func (f *fleet) Leave(_ *testing.T, i int) {
	f.set(func() { f.instances[i].up, f.instances[i].listed = false, false })
}

func (f *fleet) Join(*testing.T) int {
	f.set(func() {
		f.instances = append(f.instances, &instance{up: true, listed: f.mutant != "skips joiners", rows: map[string]row{}})
	})
	return len(f.instances) - 1
}

func (f *fleet) LoseAnswer(_ *testing.T, i int) func() bool {
	f.set(func() { f.instances[i].lose = true })
	return func() (happened bool) {
		f.set(func() { happened = !f.instances[i].lose })
		return happened
	}
}

func (f *fleet) Ask(_ context.Context, i int, tenant string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.instances[i].up {
		return "", errors.New("connection refused")
	}
	if r, ok := f.instances[i].rows[tenant]; ok {
		return r.colour, nil
	}
	return gatewaytest.Green, nil
}

func (f *fleet) Gateway(_ *testing.T, timeout time.Duration) bluegreen.Gateway {
	return memory{f, timeout / 10} // calls in memory are quick
}

// memory is a gateway over a fleet in memory.
type memory struct {
	*fleet
	timeout time.Duration
}

func (m memory) called(call string) {
	m.mu.Lock()
	on := m.onCall
	m.mu.Unlock()
	if on != nil {
		on(call)
	}
}

func (m memory) row(tenant string) row {
	if r, ok := m.table[tenant]; ok {
		return r
	}
	return row{colour: gatewaytest.Green}
}

func (m memory) Current(ctx context.Context, tenant string) (string, error) {
	if strings.ContainsAny(tenant, " ;#\n") || tenant == "" {
		return "", executor.Fail("GATEWAY_REFUSED", errors.New("bad tenant"))
	}
	m.mu.Lock()
	r := m.row(tenant)
	m.mu.Unlock()
	return r.colour, m.confirm(ctx, tenant, r)
}

func (m memory) Switch(ctx context.Context, c bluegreen.Change) error {
	old, next := row{}, row{c.To, c.Token}
	if m.mutant != "takes any input" && (strings.ContainsAny(c.TenantID, " ;#\n") || c.TenantID == "" || c.To != gatewaytest.Green && c.To != gatewaytest.Blue) {
		return executor.Fail("GATEWAY_REFUSED", errors.New("bad input"))
	}
	m.called("save")
	if err := ctx.Err(); err != nil && m.mutant != "ignores the context" {
		return err
	}
	m.mu.Lock()
	old = m.row(c.TenantID)
	switch {
	case c.Token < old.token && m.mutant != "forgets tokens":
		m.mu.Unlock()
		return executor.Fail("GATEWAY_REFUSED", errors.New("lower token"))
	case old.colour != c.From && old.colour != c.To && m.mutant != "ignores From":
		m.mu.Unlock()
		return executor.Fail(task.CodeTenantMovedOn, errors.New("moved on"))
	}
	m.table[c.TenantID] = next
	m.mu.Unlock()
	err := m.confirm(ctx, c.TenantID, next)
	if err != nil && ctx.Err() == nil && m.mutant != "leaves halves" {
		m.set(func() { m.table[c.TenantID] = row{old.colour, c.Token} })
		_, _ = m.push(c.TenantID, row{old.colour, c.Token})
	}
	return err
}

// confirm gives every instance a row, again and again until all have it.
func (m memory) confirm(ctx context.Context, tenant string, r row) error {
	for deadline := time.Now().Add(m.timeout); ; time.Sleep(time.Millisecond) {
		m.called("push")
		if m.mutant == "ignores the context" {
			ctx = context.WithoutCancel(ctx)
			if m.onCall != nil {
				return errors.New("some failure")
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		missing, lost := m.push(tenant, r)
		if lost && m.mutant == "fails on a lost answer" {
			return executor.Fail("GATEWAY_REFUSED", errors.New("no answer"))
		}
		if missing == "" || m.mutant == "believes the table" {
			return nil
		}
		if time.Now().After(deadline) {
			return executor.Retryable("GATEWAY_UNAVAILABLE", errors.New(missing+" is missing"))
		}
	}
}

// push gives all instances a row and returns the name of one that did not take it.
func (m memory) push(tenant string, r row) (missing string, lost bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	missing = "the fleet"
	for i, in := range m.instances {
		if !in.listed && m.mutant != "waits for leavers" {
			continue
		}
		if missing == "the fleet" {
			missing = ""
		}
		if !in.up {
			missing = m.Name(i)
			if m.mutant == "leaves halves" {
				break
			}
			continue
		}
		in.rows[tenant] = r
		lost = lost || in.lose
		in.lose = false
	}
	return missing, lost
}
