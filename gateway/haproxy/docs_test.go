package haproxy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/gateway/internal/fleettest"
	"github.com/cutover-go/cutover/internal/proxytest"
)

// TestConfigurationOfTheDocs checks that HAProxy accepts the configuration in docs/gateways.md and
// that its rules are those with which all other tests run.
func TestConfigurationOfTheDocs(t *testing.T) {
	t.Parallel()
	h := proxytest.StartHAProxy(t, "green", "blue")
	documented := fleettest.Documented(t, "haproxy")
	rule := regexp.MustCompile("^(option|http-|use_backend)")
	fleettest.WantTested(t, strings.ReplaceAll(documented, "/etc/haproxy/routes.map", h.Map), h.Configuration(), rule, 9)
	path := filepath.Join(t.TempDir(), "haproxy.cfg")
	own := strings.NewReplacer("/etc/haproxy/routes.map", h.MapFile, "/run/haproxy/admin.sock", h.Socket)
	if err := os.WriteFile(path, []byte(own.Replace(documented)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), h.Binary(), "-c", "-f", path).CombinedOutput(); err != nil {
		t.Errorf("HAProxy says %v: %s", err, out)
	}
}
