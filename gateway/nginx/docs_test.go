package nginx_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/internal/proxytest"
)

// TestConfigurationOfTheDocs checks that nginx accepts the configuration in docs/gateways.md and
// that its rules are those with which all other tests run.
func TestConfigurationOfTheDocs(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindSubmatch(docs)
	if block == nil {
		t.Fatal("docs/gateways.md has no configuration of nginx")
	}
	n := proxytest.StartNginx(t, "green", "blue")
	own := strings.ReplaceAll(string(block[1]), "/etc/nginx/routes.map", n.Map)
	tested := n.Configuration()
	rules := 0
	for line := range strings.SplitSeq(own, "\n") {
		line = strings.TrimSpace(line)
		if regexp.MustCompile(`^(map|default|include|add_header|proxy_pass|"~)`).MatchString(line) {
			rules++
			if !strings.Contains(tested, "\t"+line+"\n") {
				t.Errorf("no test runs with %q", line)
			}
		}
	}
	if rules != 9 {
		t.Errorf("%d rules, want 9", rules)
	}
	path := filepath.Join(n.Dir, "docs.conf")
	own = "error_log error.log; pid docs.pid; events {} http { access_log off;\n" + strings.Replace(own, "listen 80;", "listen 127.0.0.1:1;", 1) + "}"
	if err := os.WriteFile(path, []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), n.Binary(), "-t", "-p", n.Dir, "-c", path).CombinedOutput(); err != nil {
		t.Errorf("nginx says %v: %s", err, out)
	}
}
