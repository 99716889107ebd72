package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Prometheus scrapes the server with the password of callers, and learns of the engine.
func TestMetrics(t *testing.T) {
	t.Parallel()
	p := start(t, "secret", "-demo")
	url := strings.TrimSuffix(p.base, "api/") + "metrics"
	for password, want := range map[string]int{"secret": http.StatusOK, "wrong": http.StatusUnauthorized} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("prometheus", password)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != want || strings.Contains(string(text), "cutover_engine_claims_total") != (want == http.StatusOK) {
			t.Errorf("with the password %s: %s, %v:\n%s", password, answer.Status, err, text)
		}
	}
}
