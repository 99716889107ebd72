package nginx_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/internal/fleettest"
	"github.com/cutover-go/cutover/gateway/nginx"
)

func (f *fleet) wantFile(t *testing.T, content string) {
	t.Helper()
	if got, err := os.ReadFile(f.Proxies[0].MapFile); err != nil || string(got) != content {
		t.Errorf("the map file is %q, %v; want %q", got, err, content)
	}
}

// TestConfigurationThatNginxRefuses checks that the old map file is there afterwards, so that nginx
// can be started again.
func TestConfigurationThatNginxRefuses(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.Proxies[0].Edit("worker_processes 2;", "worker_processes 2; nonsense on;")
	f.WantRefused(t, f.gateway(t, nginx.Config{}), "nginx -t", `unknown directive "nonsense"`)
	if content, err := os.ReadFile(f.Proxies[0].MapFile); err != nil || strings.Contains(string(content), "blue") {
		t.Errorf("the map file is %q, %v", content, err)
	}
}

func TestMapFileOfSomebodyElse(t *testing.T) {
	t.Parallel()
	for content, found := range map[string]string{
		"acme 10.0.0.1;\n": "acme 10.0.0.1;",
		"# cutover map 1 revision 0\nacme 10.0.0.1;\n":         "acme 10.0.0.1;",
		"# cutover map 1 revision 0\n\"acme\" \"10.0.0.1\";\n": "10.0.0.1",
	} {
		f := startFleet(t, 1)
		if err := os.WriteFile(f.Proxies[0].MapFile, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f.WantRefused(t, f.gateway(t, nginx.Config{}), "expected", found)
		f.wantFile(t, content)
	}
}

func TestMapFileThatIsMissing(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.Listed[0].MapFile = filepath.Join(t.TempDir(), "other.map")
	f.WantRefused(t, f.gateway(t, nginx.Config{}), "the map file that nginx includes", "other.map", "no file")
}

func TestTableThatWentBack(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	if err := f.gateway(t, nginx.Config{}).Switch(t.Context(), fleettest.ToBlue("acme")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(f.Table); err != nil {
		t.Fatal(err)
	}
	_, err := f.gateway(t, nginx.Config{}).Current(t.Context(), "acme")
	fleettest.WantFailure(t, err, "GATEWAY_BAD_ANSWER", "revision 1", "the table is at 0")
	f.WantColour(t, "acme", gatewaytest.Blue)
}

// TestEntryEditedByHand checks that the file is restored, and nginx reloaded.
func TestEntryEditedByHand(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	g := f.gateway(t, nginx.Config{})
	if err := g.Switch(t.Context(), fleettest.ToBlue("acme")); err != nil {
		t.Fatal(err)
	}
	const edited = "# cutover map 1 revision 1\n\"acme\" \"green|1|1\";\n"
	if err := os.WriteFile(f.Proxies[0].MapFile, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	if reports, err := g.Reconcile(t.Context()); err != nil || len(reports) != 1 || !reports[0].Confirmed {
		t.Fatalf("%+v, %v", reports, err)
	}
	f.wantFile(t, "# cutover map 1 revision 1\n\"acme\" \"blue|1|1\";\n")
	if colour, err := g.Current(t.Context(), "acme"); colour != gatewaytest.Blue || err != nil {
		t.Errorf("acme is at %q, %v", colour, err)
	}
}

// TestColourWithoutUpstream checks that a tenant that would be answered 502 is put back.
func TestColourWithoutUpstream(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	g := f.gateway(t, nginx.Config{Colours: []string{"green", "violet"}, Timeout: 2 * time.Second})
	change := fleettest.ToBlue("acme")
	change.To = "violet"
	err := g.Switch(t.Context(), change)
	fleettest.WantFailure(t, err, "GATEWAY_UNAVAILABLE", "502", "it was put back")
	f.WantColour(t, "acme", gatewaytest.Green)
}

// TestReloadThatFails has a nginx that cannot be signalled: the file is in place, and only the
// error of the reload tells why it is not served.
func TestReloadThatFails(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.push = func(_ context.Context, i nginx.Instance, content []byte) error {
		if err := gateway.ReplaceFile(i.MapFile, content); err != nil {
			return err
		}
		return errors.New("nginx -s reload: invalid PID number")
	}
	err := f.gateway(t, nginx.Config{Timeout: 2 * time.Second}).Switch(t.Context(), fleettest.ToBlue("acme"))
	fleettest.WantFailure(t, err, bluegreen.CodeSwitchNotConfirmed, `it serves "green|0|0": nginx -s reload: invalid PID number`, "put back")
	f.WantColour(t, "acme", gatewaytest.Green)
}

// TestReloadWithoutEffect has a listener that nginx cannot open: the reload succeeds, and nginx
// goes on with the old map.
func TestReloadWithoutEffect(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 2)
	taken := f.Proxies[1].Address
	f.Proxies[0].Edit("listen "+f.Proxies[0].Address+";", "listen "+f.Proxies[0].Address+"; listen "+taken+";")
	f.Leave(t, 1)
	f.Proxies[1].Start() // has the port again; no member of the fleet
	f.push = func(_ context.Context, i nginx.Instance, content []byte) error {
		if err := gateway.ReplaceFile(i.MapFile, content); err != nil {
			return err
		}
		f.Proxies[0].Reload() // without nginx -t, which would notice
		return nil
	}
	err := f.gateway(t, nginx.Config{Timeout: 2 * time.Second}).Switch(t.Context(), fleettest.ToBlue("acme"))
	fleettest.WantFailure(t, err, bluegreen.CodeSwitchNotConfirmed, `serves "green|0|0"`, "put back")
	f.WantColour(t, "acme", gatewaytest.Green)
}

func TestProgramThatIsMissing(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.push = nginx.Local(filepath.Join(t.TempDir(), "nginx"))
	f.WantRefused(t, f.gateway(t, nginx.Config{}), "expected the program", "no such file")
}

// TestReloadsAreShared counts reloads while many tenants are switched one after the other.
func TestReloadsAreShared(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	local := nginx.Local(f.Proxies[0].Binary())
	var mu sync.Mutex
	var pushes []time.Time
	f.push = func(ctx context.Context, i nginx.Instance, content []byte) error {
		mu.Lock()
		pushes = append(pushes, time.Now())
		mu.Unlock()
		return local(ctx, i, content)
	}
	g := f.gateway(t, nginx.Config{})
	var all sync.WaitGroup
	for worker := range 20 {
		all.Go(func() {
			for n := range 3 {
				if err := g.Switch(t.Context(), fleettest.ToBlue(fmt.Sprintf("tenant-%d-%d", worker, n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for i := 1; i < len(pushes); i++ {
		if gap := pushes[i].Sub(pushes[i-1]); gap < 990*time.Millisecond {
			t.Errorf("reload %d came %v after the one before", i, gap)
		}
	}
	if len(pushes) > 12 {
		t.Errorf("%d reloads for 60 switches", len(pushes))
	}
}
