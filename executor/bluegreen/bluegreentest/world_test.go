package bluegreentest_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var acme = bluegreentest.Tenant{ID: "acme", Name: "Acme", Status: "GREEN", Colour: "green"} //nolint:gochecknoglobals // a constant

func put(t *testing.T, h http.Handler, path, body, token string) int {
	t.Helper()
	rec := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPut, path, strings.NewReader(body))
	req.Header.Set(bluegreen.HeaderToken, token)
	h.ServeHTTP(rec, req)
	return rec.Code
}

func TestChangesAreCheckedAsAGoodServiceDoes(t *testing.T) {
	t.Parallel()
	w := bluegreentest.NewWorld(acme)
	for _, c := range []struct {
		body, token string
		want        int
		colour      string
	}{
		{`{"colour":"blue","from":"red"}`, "5", http.StatusPreconditionFailed, "green"},
		{`{"colour":"blue","from":"green"}`, "5", http.StatusOK, "blue"},
		{`{"colour":"blue","from":"green"}`, "5", http.StatusOK, "blue"},
		{`{"colour":"green","from":"blue"}`, "4", http.StatusConflict, "blue"},
		{`{"colour"`, "6", http.StatusBadRequest, "blue"},
	} {
		if got := put(t, w.Gateway(), "/tenants/acme/route", c.body, c.token); got != c.want || w.Tenant("acme").Colour != c.colour {
			t.Errorf("%s: %d, the tenant is at %s", c.body, got, w.Tenant("acme").Colour)
		}
	}
	if got := put(t, w.Tenants(), "/tenants/nobody/status", `{"status":"BLUE"}`, "1"); got != http.StatusNotFound {
		t.Errorf("an unknown tenant: %d", got)
	}
	if n := len(w.Calls("acme", bluegreentest.Switch)); n != 4 || len(w.Calls("acme", bluegreentest.Info)) != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestFaultsHappenInTurnUntilTheyAreHealed(t *testing.T) {
	t.Parallel()
	w := bluegreentest.NewWorld(acme)
	w.Inject("acme", bluegreentest.Status, bluegreentest.Unavailable, 1)
	w.Inject("acme", bluegreentest.Status, bluegreentest.Ignore, 1)
	w.Inject("acme", bluegreentest.Status, bluegreentest.Refuse, 5)
	for i, want := range []int{http.StatusServiceUnavailable, http.StatusOK, http.StatusForbidden} {
		if got := put(t, w.Tenants(), "/tenants/acme/status", `{"status":"BLUE","from":"GREEN"}`, "1"); got != want || w.Tenant("acme").Status != "GREEN" {
			t.Errorf("request %d: %d, status %s", i, got, w.Tenant("acme").Status)
		}
	}
	w.Heal()
	if got := put(t, w.Tenants(), "/tenants/acme/status", `{"status":"BLUE","from":"GREEN"}`, "1"); got != http.StatusOK || w.Tenant("acme").Status != "BLUE" {
		t.Errorf("after healing: %d, status %s", got, w.Tenant("acme").Status)
	}
}

func TestALateChangeIsFencedWhenItArrives(t *testing.T) {
	t.Parallel()
	w := bluegreentest.NewWorld(acme)
	w.Inject("acme", bluegreentest.Switch, bluegreentest.Late, 3)
	if got := put(t, w.Gateway(), "/tenants/acme/route", `{"colour":"blue","from":"green"}`, "5"); got != http.StatusGatewayTimeout || w.Tenant("acme").Colour != "green" {
		t.Errorf("%d, the tenant is at %s", got, w.Tenant("acme").Colour)
	}
	if got := w.DeliverLate(); !slices.Equal(got, []int{http.StatusOK}) || w.Tenant("acme").Colour != "blue" {
		t.Errorf("late %v, the tenant is at %s", got, w.Tenant("acme").Colour)
	}
	put(t, w.Gateway(), "/tenants/acme/route", `{"colour":"green","from":"blue"}`, "7")
	put(t, w.Gateway(), "/tenants/acme/route", `{"colour":"green","from":"red"}`, "8")
	// A write that changes nothing counts, and the token of a status change does not.
	put(t, w.Tenants(), "/tenants/acme/status", `{"status":"BLUE","from":"GREEN"}`, "99")
	if got := put(t, w.Gateway(), "/tenants/acme/route", `{"colour":"blue","from":"green"}`, "8"); got != http.StatusOK {
		t.Errorf("the write in between: %d", got)
	}
	if got := w.DeliverLate(); !slices.Equal(got, []int{http.StatusConflict, http.StatusPreconditionFailed}) || w.Tenant("acme").Colour != "blue" {
		t.Errorf("late %v, the tenant is at %s", got, w.Tenant("acme").Colour)
	}
	if got := w.DeliverLate(); len(got) != 0 {
		t.Errorf("late once more: %v", got)
	}
}
