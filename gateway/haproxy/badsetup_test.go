package haproxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/haproxy"
	"github.com/cutover-go/cutover/gateway/internal/fleettest"
)

func (f *fleet) mustCall(t *testing.T, line, want string) {
	t.Helper()
	if answer, err := f.Proxies[0].Call(line); err != nil || strings.TrimSpace(answer) != want {
		t.Fatalf("%q, %v", answer, err)
	}
}

func TestMapThatIsNotThere(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.mapName = "other.map"
	f.WantRefused(t, f.gateway(t, haproxy.Config{}), "expected a map other.map", "found the maps routes.map", "it was put back")
}

func TestColourThatIsNoBackend(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.WantRefused(t, f.gateway(t, haproxy.Config{Colours: []string{"green", "blue", "violet"}}), "expected a backend violet", "blue, green")
}

func TestEntryOfSomebodyElse(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"another tool's": "10.0.0.1", "of a table that is lost": "blue|7|9"} {
		f := startFleet(t, 1)
		f.mustCall(t, "add map routes.map beta "+value, "")
		f.WantRefused(t, f.gateway(t, haproxy.Config{}), "only tenants of the table", `"beta" with the value "`+value)
		if answer, err := f.Proxies[0].Call("show map routes.map"); err != nil || !strings.Contains(answer, "beta "+value) {
			t.Errorf("%s: the map has %q, %v", name, answer, err)
		}
	}
}

// TestValueEditedByHand checks that what others write for a tenant of the table is put right.
func TestValueEditedByHand(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]string{
		"another colour":       "set map routes.map acme green|1|1",
		"another tool's value": "set map routes.map acme 10.0.0.1",
		"deleted":              "del map routes.map acme",
		"added again":          "del map routes.map acme; add map routes.map acme green|1|1; add map routes.map acme blue|1|1",
	} {
		f := startFleet(t, 1)
		g := f.gateway(t, haproxy.Config{})
		if err := g.Switch(t.Context(), fleettest.ToBlue("acme")); err != nil {
			t.Fatal(err)
		}
		f.mustCall(t, edit, "")
		if reports, err := g.Reconcile(t.Context()); err != nil || len(reports) != 1 || !reports[0].Confirmed {
			t.Errorf("%s: %+v, %v", name, reports, err)
		}
		if colour, err := f.Ask(t.Context(), 0, "acme"); colour != gatewaytest.Blue || err != nil {
			t.Errorf("%s: acme is answered by %q, %v", name, colour, err)
		}
	}
}

func TestTableThatWentBack(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	if err := f.gateway(t, haproxy.Config{}).Switch(t.Context(), fleettest.ToBlue("acme")); err != nil {
		t.Fatal(err)
	}
	f.mustCall(t, "set map routes.map acme blue|9|9", "")
	_, err := f.gateway(t, haproxy.Config{Timeout: time.Second}).Current(t.Context(), "acme")
	fleettest.WantFailure(t, err, "GATEWAY_BAD_ANSWER", "revision 9 of acme", "the table is at 1")
	if err := os.WriteFile(f.Table, []byte("acme blue\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = f.gateway(t, haproxy.Config{}).Switch(t.Context(), fleettest.ToBlue("acme"))
	fleettest.WantFailure(t, err, "GATEWAY_BAD_ANSWER", "the table is damaged")
}

// TestRowThatWentBack has a table that is beyond what the proxy serves, and has lost one of its
// rows: what the proxy serves is not replaced by the older one.
func TestRowThatWentBack(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	g := f.gateway(t, haproxy.Config{})
	if err := errors.Join(g.Switch(t.Context(), fleettest.ToBlue("beta")), g.Switch(t.Context(), fleettest.ToBlue("acme"))); err != nil {
		t.Fatal(err)
	}
	const older = "# cutover table 1 revision 9 rows 2\nacme green|1|1\nbeta blue|1|1\n"
	if err := os.WriteFile(f.Table, []byte(older), 0o600); err != nil {
		t.Fatal(err)
	}
	late := f.gateway(t, haproxy.Config{Timeout: time.Second})
	_, err := late.Current(t.Context(), "acme")
	fleettest.WantFailure(t, err, "GATEWAY_BAD_ANSWER", "revision 2 of acme, the table 1")
	err = late.Switch(t.Context(), fleettest.ToBlue("gamma"))
	fleettest.WantFailure(t, err, "GATEWAY_BAD_ANSWER", "revision 2 of acme, the table 1")
	f.WantColour(t, "acme", gatewaytest.Blue)
}

func TestProxyWithoutTheHeader(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.edit(t, 0, "http-after-response set-header x-route", "http-after-response set-header x-other")
	err := f.gateway(t, haproxy.Config{Timeout: time.Second}).Switch(t.Context(), fleettest.ToBlue("acme"))
	fleettest.WantFailure(t, err, "GATEWAY_REFUSED", "haproxy-0: expected the route in an answer of "+f.Proxies[0].URL(),
		"status 200 without it", "no header X-Route", "it was put back")
}

func TestURLThatIsNone(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.Listed[0].URL = "127.0.0.1:8080/healthz"
	f.WantRefused(t, f.local(t), "haproxy-0: expected a URL that begins with http://", "cannot be parsed")
}

// TestMapFileThatIsNone checks that a file which the gateway has not written is not replaced.
func TestMapFileThatIsNone(t *testing.T) {
	t.Parallel()
	for content, found := range map[string]string{
		"global\n\tstats socket /run/x\n": `the line "global"`,
		"acme 10.0.0.1\n":                 `the line "acme 10.0.0.1"`,
		"# mine\nother blue|0|1\n":        `the line "other blue|0|1"`,
	} {
		f := startFleet(t, 1)
		path := filepath.Join(t.TempDir(), "other.map")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f.Listed[0].MapFile = path
		f.WantRefused(t, f.local(t), "in the map file "+path, found, "it was put back")
		if got, err := os.ReadFile(path); string(got) != content || err != nil {
			t.Errorf("the file is %q, %v", got, err)
		}
	}
}

func TestMapFileThatIsMissing(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	path := filepath.Join(t.TempDir(), "other.map")
	f.Listed[0].MapFile = path
	f.WantRefused(t, f.local(t), "the map file that HAProxy reads at its start at "+path, "found no file", "it was put back")
	if _, err := os.Stat(path); err == nil {
		t.Error("the file was made")
	}
}

// TestMapFileThatIsOurs checks that a process goes on with the file that another one has left.
func TestMapFileThatIsOurs(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	for _, tenant := range []string{"acme", "beta"} {
		if err := f.local(t).Switch(t.Context(), fleettest.ToBlue(tenant)); err != nil {
			t.Fatal(err)
		}
	}
	f.WantColour(t, "acme", gatewaytest.Blue)
	if err := os.WriteFile(f.Proxies[0].MapFile, []byte("acme blue|9|1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := f.local(t).Switch(t.Context(), fleettest.ToBlue("gamma"))
	fleettest.WantFailure(t, err, "GATEWAY_BAD_ANSWER", "revision 9 of acme, the table 1")
}

func TestProxyWithAnotherHeader(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.edit(t, 0, "x-route %[var(txn.route)]", "x-route %[var(txn.colour)]")
	f.WantRefused(t, f.gateway(t, haproxy.Config{}), "a route of the form colour|revision|token", `found "blue"`, "it was put back")
}

func TestProxyWithAnotherDefault(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.edit(t, 0, "green|0|0", "blue|0|0")
	_, err := f.gateway(t, haproxy.Config{}).Current(t.Context(), "acme")
	fleettest.WantFailure(t, err, "GATEWAY_REFUSED", `expected the default colour "green"`, "blue|0|0")
}

func TestSocketThatIsMissing(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.Listed[0].Socket = filepath.Join(t.TempDir(), "none")
	err := f.gateway(t, haproxy.Config{Timeout: time.Second}).Switch(t.Context(), fleettest.ToBlue("acme"))
	fleettest.WantFailure(t, err, "GATEWAY_UNAVAILABLE", "haproxy-0: ", "no such file", "it was put back")
}

// TestOtherServersAtTheSocket checks what the gateway makes of answers that no HAProxy of today
// gives.
func TestOtherServersAtTheSocket(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string][]string{
		"Name: HAProxy\nVersion: 2.2.9-1\nPid: 7\n\n":                     {"GATEWAY_REFUSED", "expected HAProxy 2.4 or later", "2.2.9"},
		"Name: HAProxy\nVersion: unknown\nPid: 7\n\n":                     {"GATEWAY_REFUSED", "expected HAProxy 2.4 or later"},
		"HTTP/1.1 400 Bad Request\r\n\r\n":                                {"GATEWAY_REFUSED", "expected HAProxy's Runtime API", "HTTP/1.1 400"},
		"Name: HAProxy\nVersion: 2.6.1\nPid: 7\nUptime: 0\nStopping: 1\n": {"GATEWAY_UNAVAILABLE", "stopping"},
		"": {"GATEWAY_UNAVAILABLE", "without an answer"},
	} {
		f := startFleet(t, 1)
		f.Listed[0].Socket = serve(t, func(string) string { return answer })
		err := f.gateway(t, haproxy.Config{Timeout: time.Second}).Switch(t.Context(), fleettest.ToBlue("acme"))
		fleettest.WantFailure(t, err, want[0], want[1:]...)
	}
}

// serve answers each command, one per connection, over TCP.
func serve(t *testing.T, answer func(command string) string) (address string) {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(context.WithoutCancel(t.Context()), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			command, _ := bufio.NewReader(conn).ReadString('\n')
			fmt.Fprint(conn, answer(command))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}

func TestNewNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := haproxy.New(haproxy.Config{Map: "a b", Colours: []string{"b|lue"}, Default: "green", Timeout: -1})
	var invalid *gateway.InvalidError
	if !errors.As(err, &invalid) || !errors.Is(err, gateway.ErrInvalid) || len(invalid.Faults) != 6 {
		t.Fatalf("%v", err)
	}
	for _, part := range []string{"Table", "Fleet", "Map", "Colours", "Default", "Timeout"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not name %s", err, part)
		}
	}
}
