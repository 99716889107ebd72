package promcutover_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// panel is what a test needs of a panel of the dashboard.
type panel struct {
	Title   string `json:"title"`
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

func panels(t *testing.T) []panel {
	t.Helper()
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		UID           string  `json:"uid"`
		SchemaVersion int     `json:"schemaVersion"`
		Panels        []panel `json:"panels"`
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	if dashboard.UID == "" || dashboard.SchemaVersion == 0 || len(dashboard.Panels) < 20 {
		t.Errorf("%d panels, schema %d, uid %q", len(dashboard.Panels), dashboard.SchemaVersion, dashboard.UID)
	}
	return dashboard.Panels
}

// showPanels asks Prometheus for what every panel shows.
func showPanels(t *testing.T, s *server, began time.Time) {
	t.Helper()
	variables := strings.NewReplacer("$job", ".*", "$engine", ".*", "$__rate_interval", "5s")
	for _, p := range panels(t) {
		for _, target := range p.Targets {
			if found := s.query(variables.Replace(target.Expr), began, time.Now()); len(found) == 0 {
				t.Errorf("%s: nothing is found by %s", p.Title, target.Expr)
			}
		}
	}
}
