package promcutover_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cutover-go/cutover/internal/proctest"
)

const requireEnv = "CUTOVER_REQUIRE_PROMETHEUS"

// binary returns the path of one of Prometheus' programs, or skips or fails the test that needs it.
func binary(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv(requireEnv) == "1" {
		t.Fatalf("%s=1, but there is no %s: %v", requireEnv, name, err)
	}
	t.Skipf("needs %s on PATH (%v); set %s=1 to fail instead of skipping", name, err, requireEnv)
	return ""
}

// scrapeEvery is how often the Prometheus of a test scrapes.
const scrapeEvery = 500 * time.Millisecond

// server is a Prometheus on a loopback port.
type server struct {
	t   *testing.T
	url string
}

// startPrometheus starts a Prometheus that scrapes the registries: those of each job.
func startPrometheus(t *testing.T, jobs map[string][]*prometheus.Registry) *server {
	t.Helper()
	path, dir := binary(t, "prometheus"), t.TempDir()
	var config strings.Builder
	fmt.Fprintf(&config, "global: {scrape_interval: %s, scrape_timeout: %s}\nscrape_configs:\n", scrapeEvery, scrapeEvery)
	for job, registries := range jobs {
		var targets []string
		for _, reg := range registries {
			host := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
			t.Cleanup(host.Close)
			targets = append(targets, fmt.Sprintf("%q", strings.TrimPrefix(host.URL, "http://")))
		}
		fmt.Fprintf(&config, "  - {job_name: %s, static_configs: [{targets: [%s]}]}\n", job, strings.Join(targets, ", "))
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	address := proctest.Address(proctest.FreePort(t))
	process := proctest.Start(t, path, dir, filepath.Join(dir, "log"), []string{
		"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + address,
		// What is not scraped any more has ended, as for rules that look back over stretched time.
		"--query.lookback-delta=2s", "--log.level=warn",
	})
	s := &server{t, "http://" + address}
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err := s.get("/-/ready"); err == nil {
			return s
		}
		if process.Ended() || time.Now().After(end) {
			t.Fatalf("prometheus is not ready: %s", process.Tail())
		}
	}
}

func (s *server) get(path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.url+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := client().Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, body)
	}
	return body, err
}

// series is a time series with its samples: time and value as text.
type series struct {
	Metric map[string]string `json:"metric"`
	Values [][2]any          `json:"values"`
}

// query returns the series of an expression from one time to another.
func (s *server) query(expr string, from, to time.Time) []series {
	s.t.Helper()
	body, err := s.get("/api/v1/query_range?" + url.Values{
		"query": {expr}, "step": {scrapeEvery.String()},
		"start": {from.UTC().Format(time.RFC3339Nano)}, "end": {to.UTC().Format(time.RFC3339Nano)},
	}.Encode())
	if err != nil {
		s.t.Fatalf("%s: %v", expr, err)
	}
	var answer struct {
		Data struct {
			Result []series `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		s.t.Fatal(err)
	}
	return answer.Data.Result
}

// await waits until an expression has a result.
func (s *server) await(expr string) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(scrapeEvery / 2) {
		if now := time.Now(); len(s.query(expr, now, now)) > 0 {
			return
		} else if now.After(end) {
			s.t.Fatalf("%s does not become true", expr)
		}
	}
}

// promtool runs promtool and returns what it prints.
func promtool(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t, "promtool"), args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
