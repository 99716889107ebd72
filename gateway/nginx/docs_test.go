package nginx_test

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

// TestConfigurationOfTheDocs checks that nginx accepts the configuration in docs/gateways.md and
// that its rules are those with which all other tests run.
func TestConfigurationOfTheDocs(t *testing.T) {
	t.Parallel()
	n := proxytest.StartNginx(t, "green", "blue")
	own := strings.ReplaceAll(fleettest.Documented(t, "nginx"), "/etc/nginx/routes.map", n.Map)
	rule := regexp.MustCompile(`^(map|default|include|add_header|proxy_pass|"~)`)
	fleettest.WantTested(t, own, n.Configuration(), rule, 9)
	path := filepath.Join(n.Dir, "docs.conf")
	own = "error_log error.log; pid docs.pid; events {} http { access_log off;\n" + strings.Replace(own, "listen 80;", "listen 127.0.0.1:1;", 1) + "}"
	if err := os.WriteFile(path, []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), n.Binary(), "-t", "-p", n.Dir, "-c", path).CombinedOutput(); err != nil {
		t.Errorf("nginx says %v: %s", err, out)
	}
}
