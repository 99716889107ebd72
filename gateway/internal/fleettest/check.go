package fleettest

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
)

// ToBlue returns the first switch of a tenant.
func ToBlue(tenant string) bluegreen.Change {
	return bluegreen.Change{TenantID: tenant, From: gatewaytest.Green, To: gatewaytest.Blue, Token: 1, Key: "1"}
}

// WantFailure checks the code of a failure, and that its text names all parts.
func WantFailure(t *testing.T, err error, code string, parts ...string) {
	t.Helper()
	var failure *executor.Error
	if !errors.As(err, &failure) || failure.Code != code {
		t.Fatalf("%v, want %s", err, code)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}

// WantColour checks what the first proxy answers a tenant.
func (f *Fleet[P, I]) WantColour(t *testing.T, tenant, want string) {
	t.Helper()
	if colour, err := f.Ask(t.Context(), 0, tenant); colour != want || err != nil {
		t.Errorf("%s is answered by %q, %v; want %s", tenant, colour, err, want)
	}
}

// WantRefused checks that a switch fails with a SetupError whose text names all parts, and that the
// tenant stays where it was.
func (f *Fleet[P, I]) WantRefused(t *testing.T, g bluegreen.Gateway, parts ...string) {
	t.Helper()
	err := g.Switch(t.Context(), ToBlue("acme"))
	WantFailure(t, err, "GATEWAY_REFUSED", parts...)
	if !errors.Is(err, gateway.ErrSetup) {
		t.Errorf("%v does not match ErrSetup", err)
	}
	f.WantColour(t, "acme", gatewaytest.Green)
}

// Documented returns the configuration that docs/gateways.md has for a kind of proxy.
func Documented(t testing.TB, kind string) string {
	t.Helper()
	docs, err := os.ReadFile("../../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```" + kind + "\n(.*?)```").FindSubmatch(docs)
	if block == nil {
		t.Fatalf("docs/gateways.md has no configuration of %s", kind)
	}
	return string(block[1])
}

// WantTested checks that the tests run with each rule of a documented configuration, and that there
// are as many as the test knows of.
func WantTested(t *testing.T, documented, tested string, rule *regexp.Regexp, count int) {
	t.Helper()
	rules := 0
	for line := range strings.SplitSeq(documented, "\n") {
		line = strings.TrimSpace(line)
		if !rule.MatchString(line) {
			continue
		}
		rules++
		if !strings.Contains(tested, "\t"+line+"\n") {
			t.Errorf("no test runs with %q", line)
		}
	}
	if rules != count {
		t.Errorf("%d rules, want %d", rules, count)
	}
}
