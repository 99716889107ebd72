package haproxy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/internal/proxytest"
)

// TestConfigurationOfTheDocs checks that HAProxy accepts the configuration in docs/gateways.md and
// that its rules are those with which all other tests run.
func TestConfigurationOfTheDocs(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```haproxy\n(.*?)```").FindSubmatch(docs)
	if block == nil {
		t.Fatal("docs/gateways.md has no configuration of HAProxy")
	}
	h := proxytest.StartHAProxy(t, "green", "blue")
	tested := h.Configuration()
	rules := 0
	for line := range strings.SplitSeq(string(block[1]), "\n") {
		line = strings.ReplaceAll(strings.TrimSpace(line), "/etc/haproxy/routes.map", h.Map)
		if strings.HasPrefix(line, "http-") || strings.HasPrefix(line, "use_backend") {
			rules++
			if !strings.Contains(tested, "\t"+line+"\n") {
				t.Errorf("no test runs with %q", line)
			}
		}
	}
	if rules != 4 {
		t.Errorf("%d rules, want 4", rules)
	}
	path := filepath.Join(t.TempDir(), "haproxy.cfg")
	own := strings.NewReplacer("/etc/haproxy/routes.map", h.MapFile, "/run/haproxy/admin.sock", h.Socket)
	if err := os.WriteFile(path, []byte(own.Replace(string(block[1]))), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), h.Binary(), "-c", "-f", path).CombinedOutput(); err != nil {
		t.Errorf("HAProxy says %v: %s", err, out)
	}
}
