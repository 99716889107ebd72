package bluegreen_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
	"github.com/cutover-go/cutover/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const tenantID = "tenant1"

// lab is a world with the executor under test connected to it.
type lab struct {
	*bluegreentest.World
	*bluegreen.Executor
	gateway *bluegreen.HTTPGateway
	tenants *bluegreen.HTTPTenants

	gatewayURL, tenantsURL string
}

// hasty is a timeout for calls that get no answer: short enough that a test can wait for it, and
// long enough for the other answers to arrive on a busy machine.
const (
	hasty   = 500 * time.Millisecond
	patient = time.Minute
)

// newLab returns a lab for tests in which every call gets an answer, or an error.
func newLab(t *testing.T, c bluegreen.Config) *lab {
	t.Helper()
	return newLabWithin(t, patient, c)
}

// newLabWithin returns a lab whose executor waits up to timeout for an answer.
func newLabWithin(t *testing.T, timeout time.Duration, c bluegreen.Config) *lab {
	t.Helper()
	l := &lab{World: bluegreentest.NewWorld(bluegreentest.Tenant{ID: tenantID, Name: "One", Status: "GREEN", Colour: "green"})}
	l.gatewayURL, l.tenantsURL = serve(t, l.Gateway()), serve(t, l.Tenants())+"/"
	l.connect(t, timeout, c)
	return l
}

// connect replaces the executor with one that waits up to timeout for an answer.
func (l *lab) connect(t *testing.T, timeout time.Duration, c bluegreen.Config) {
	t.Helper()
	var err error
	if l.gateway, err = bluegreen.NewHTTPGateway(l.gatewayURL, httpConfig(t, timeout)); err != nil {
		t.Fatal(err)
	}
	if l.tenants, err = bluegreen.NewHTTPTenants(l.tenantsURL, httpConfig(t, timeout)); err != nil {
		t.Fatal(err)
	}
	l.restart(t, c)
}

// heal removes the faults. From then on every call gets an answer, though late on a busy machine.
func (l *lab) heal(t *testing.T, c bluegreen.Config) {
	t.Helper()
	l.Heal()
	l.connect(t, patient, c)
}

// restart replaces the executor with a new one, as in a new process.
func (l *lab) restart(t *testing.T, c bluegreen.Config) {
	t.Helper()
	var err error
	if l.Executor, err = bluegreen.New(l.tenants, l.gateway, c); err != nil {
		t.Fatal(err)
	}
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func httpConfig(t *testing.T, timeout time.Duration) bluegreen.HTTPConfig {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return bluegreen.HTTPConfig{Timeout: timeout, Transport: transport, Header: http.Header{"Authorization": {"Bearer secret"}}}
}

// wantTenant checks colour and status.
func (l *lab) wantTenant(t *testing.T, colour, status string) {
	t.Helper()
	if got := l.Tenant(tenantID); got.Colour != colour || got.Status != status {
		t.Errorf("the tenant is at %s, status %s; want %s, %s", got.Colour, got.Status, colour, status)
	}
}

// wantLate delivers the late change and checks that it ends with status.
func (l *lab) wantLate(t *testing.T, status int) {
	t.Helper()
	if got := l.DeliverLate(); len(got) != 1 || got[0] != status {
		t.Errorf("what was late ended with %v, want %d", got, status)
	}
}

// wantFailure checks code and retryability, and returns the description of err that is stored.
func wantFailure(t *testing.T, err error, code string, retryable bool) task.FailureInfo {
	t.Helper()
	if err == nil {
		t.Fatalf("no failure, want %s", code)
	}
	info := executor.FailureOf(err, time.Time{}, 1, "")
	if info.ErrorCode != code || info.Retryable != retryable {
		t.Errorf("failed with %+v, want %s, retryable %t", info, code, retryable)
	}
	return info
}
