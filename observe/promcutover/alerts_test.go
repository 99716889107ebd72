package promcutover_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// runTime is how long the runs last. A scrape of theirs is half a minute of the alerts' time:
	// stretch is how much longer that is.
	runTime = 24 * time.Second
	step    = 30 * time.Second
	stretch = float64(step / scrapeEvery)
)

// alertNames returns the alerts of alerts.yml, with their anchors in docs/operations.md.
func alertNames(t *testing.T) map[string]string {
	t.Helper()
	rules, err := os.ReadFile("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	anchors := make(map[string]string)
	for _, rule := range strings.Split(string(rules), "- alert: ")[1:] {
		name, rest, _ := strings.Cut(rule, "\n")
		_, anchor, _ := strings.Cut(rest, "docs/operations.md#")
		anchor, _, _ = strings.Cut(anchor, "\n")
		anchors[name] = anchor
	}
	return anchors
}

// Every alert has a runbook, and its annotation leads there.
func TestAlertsHaveRunbooks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, anchor := range alertNames(t) {
		if anchor != strings.ToLower(name) || !strings.Contains(string(page), "\n### "+name+"\n") {
			t.Errorf("%s: its runbook is at %q, and docs/operations.md has no such heading", name, anchor)
		}
	}
	for _, found := range regexp.MustCompile(`(?m)^### (Cutover\w+)$`).FindAllStringSubmatch(string(page), -1) {
		if _, known := alertNames(t)[found[1]]; !known {
			t.Errorf("docs/operations.md has a runbook for %s, which is no alert", found[1])
		}
	}
}

// A real Prometheus scrapes a run with faults and a sound one. Every alert fires in the first, none
// in the second. Every panel of the dashboard shows something.
func TestAlertsAndDashboard(t *testing.T) {
	t.Parallel()
	binary(t, "promtool")
	binary(t, "prometheus")
	scraped := make(chan struct{})
	s := startPrometheus(t, map[string][]*prometheus.Registry{"faulty": faultyRun(t, scraped), "sound": soundRun(t, scraped)})
	s.await(`count(up == 1) == 6`)
	began := time.Now()
	close(scraped)
	time.Sleep(runTime) // as long as there is something to record
	t.Run("alerts", func(t *testing.T) {
		out, err := fireAlerts(t, s, began)
		// On a busy machine scrapes come late. An alert of the sound run stays in what is recorded.
		for late := runTime; err != nil && late > 0; late -= step / 10 {
			time.Sleep(step / 10)
			out, err = fireAlerts(t, s, began)
		}
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("dashboard", func(t *testing.T) { showPanels(t, s, began) })
}

// fireAlerts lets promtool test the rules with the series that were recorded since began.
func fireAlerts(t *testing.T, s *server, began time.Time) (out string, err error) {
	t.Helper()
	recorded := s.query(`{__name__=~"cutover_.+"}`, began, time.Now())
	rules, err := filepath.Abs("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var test strings.Builder
	fmt.Fprintf(&test, "rule_files: [%q]\nevaluation_interval: %s\ntests:\n  - interval: %s\n    input_series:\n", rules, step, step)
	first := recordedFrom(t, recorded)
	for _, r := range recorded {
		fmt.Fprintf(&test, "      - {series: '%s', values: '%s'}\n", selector(r.Metric), stretched(t, r, first))
	}
	fmt.Fprint(&test, "    promql_expr_test:\n",
		"      - expr: 'group by (alertname, job) (max_over_time(ALERTS{alertstate=\"firing\"}[6h]))'\n",
		"        eval_time: 6h\n        exp_samples:\n")
	for _, name := range slices.Sorted(maps.Keys(alertNames(t))) {
		fmt.Fprintf(&test, "          - {labels: '{alertname=%q, job=\"faulty\"}', value: 1}\n", name)
	}
	file := filepath.Join(t.TempDir(), "test.yml")
	if err := os.WriteFile(file, []byte(test.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return promtool(t, "", "test", "rules", file)
}

// recordedFrom returns the time of the first sample.
func recordedFrom(t *testing.T, recorded []series) float64 {
	t.Helper()
	if len(recorded) < 500 {
		t.Fatalf("%d series were recorded", len(recorded))
	}
	first := recorded[0].Values[0][0].(float64)
	for _, r := range recorded {
		first = min(first, r.Values[0][0].(float64))
	}
	return first
}

// stretched returns the values of a series as promtool reads them: one every step. What counts
// seconds that have passed goes on as much faster as the scrapes do.
func stretched(t *testing.T, r series, first float64) string {
	t.Helper()
	passing := regexp.MustCompile(`_(lag|age|failing)_seconds$`).MatchString(r.Metric["__name__"])
	var values []string
	for _, v := range r.Values {
		for at := int((v[0].(float64)-first)/scrapeEvery.Seconds() + 0.5); len(values) < at; {
			values = append(values, "_")
		}
		n, err := strconv.ParseFloat(v[1].(string), 64)
		if err != nil {
			t.Fatal(err)
		}
		if passing {
			n *= stretch
		}
		values = append(values, strconv.FormatFloat(n, 'f', -1, 64))
	}
	return strings.Join(values, " ")
}

// selector returns a series as PromQL writes it.
func selector(metric map[string]string) string {
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(metric)) {
		if name != "__name__" {
			labels = append(labels, fmt.Sprintf("%s=%q", name, metric[name]))
		}
	}
	return metric["__name__"] + "{" + strings.Join(labels, ", ") + "}"
}
