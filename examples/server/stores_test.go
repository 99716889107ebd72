package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/internal/pgtest"
	"github.com/cutover-go/cutover/internal/redistest"
)

// TestThreeCopies serves one plan from three processes over one store, and kills one of them.
func TestThreeCopies(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) string{
		"redis":    func(t *testing.T) string { t.Helper(); return "redis:" + redistest.Start(t).Addr() },
		"postgres": func(t *testing.T) string { t.Helper(); return pgtest.Start(t).URL("postgres", pgtest.Superuser) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			threeCopies(t, open(t))
		})
	}
}

func threeCopies(t *testing.T, store string) {
	t.Helper()
	var copies []*process
	for range 3 {
		copies = append(copies, start(t, "secret", "-demo", "-store", store, "-lease", "1s", "-capacity", "2"))
	}
	status, d := copies[0].ask(http.MethodPost, "plans", `{"name": "shared", "executorType": "BLUE_GREEN_SWITCH",
		"strategy": {"maxConcurrency": 6}, "tenantIds": `+tenants(100)+`}`)
	want(t, status, d, 201, document{"planId": 1.0, "taskCount": 100.0})
	status, d = copies[1].ask(http.MethodPost, "plans/1/start", "")
	want(t, status, d, 200, document{"state": "RUNNING"})
	copies[0].until("1", func(d document) bool { // all three have tasks by now
		counters, _ := d["counters"].(map[string]any)
		return counters["COMPLETED"] != nil
	})
	copies[0].kill()
	for _, p := range copies[1:] {
		d := p.rest("1")
		want(t, 0, d, 0, document{"state": "COMPLETED"})
		counters, _ := d["counters"].(map[string]any)
		want(t, 0, counters, 0, document{"COMPLETED": 100.0})
	}
}

// tenants returns a JSON array of n tenants.
func tenants(n int) string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Quote("tenant-" + strconv.Itoa(i))
	}
	return "[" + strings.Join(ids, ", ") + "]"
}

// stopInTheMiddle creates a plan, and kills the program while tenants are switched.
func (p *process) stopInTheMiddle() {
	p.t.Helper()
	status, d := p.ask(http.MethodPost, "plans", `{"name": "kept", "executorType": "BLUE_GREEN_SWITCH",
		"strategy": {"maxConcurrency": 3}, "tenantIds": `+tenants(40)+`}`)
	want(p.t, status, d, 201, document{"planId": 1.0})
	status, d = p.ask(http.MethodPost, "plans/1/start", "")
	want(p.t, status, d, 200, document{"state": "RUNNING"})
	d = p.until("1", func(d document) bool {
		counters, _ := d["counters"].(map[string]any)
		return counters["COMPLETED"] != nil
	})
	p.kill()
	want(p.t, 0, d, 0, document{"state": "RUNNING"}) // it was not over
}

// TestStopInTheMiddle kills the program while a tenant is switched. Started again with the same
// flags it goes on: over a file at once, whatever the lease was, otherwise when the lease is over.
func TestStopInTheMiddle(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]func(t *testing.T) []string{
		"default": func(*testing.T) []string { return []string{"-lease", "1h"} },
		"file": func(t *testing.T) []string {
			t.Helper()
			return []string{"-lease", "1h", "-store", "sqlite:" + filepath.Join(t.TempDir(), "plans.db")}
		},
		"postgres": func(t *testing.T) []string {
			t.Helper()
			return []string{"-lease", "1s", "-store", "postgres:" + pgtest.Start(t).URL("postgres", pgtest.Superuser)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, args := t.TempDir(), append(args(t), "-demo")
			startIn(t, dir, "", args...).stopInTheMiddle()
			p := startIn(t, dir, "", args...)
			want(t, 0, p.rest("1"), 0, document{"state": "COMPLETED", "name": "kept"})
			p.wantBlue()
			if _, err := os.Stat(filepath.Join(dir, defaultFile)); (err == nil) != (name == "default") {
				t.Errorf("%s: %v", defaultFile, err)
			}
		})
	}
}

// wantBlue starts another plan over the first tenant, which finds it blue: made-up tenants last as
// long as the plans.
func (p *process) wantBlue() {
	p.t.Helper()
	status, d := p.ask(http.MethodPost, "plans", `{"name": "again", "executorType": "BLUE_GREEN_SWITCH", "tenantIds": `+tenants(1)+`}`)
	want(p.t, status, d, 201, document{"planId": 2.0})
	status, d = p.ask(http.MethodPost, "plans/2/start", "")
	want(p.t, status, d, 200, document{"state": "RUNNING"})
	want(p.t, 0, p.rest("2"), 0, document{"state": "COMPLETED"})
	_, d = p.ask(http.MethodGet, "tasks/2000001", "")
	for _, entry := range d["undo"].([]any) {
		data, _ := entry.(map[string]any)["data"].(map[string]any)
		want(p.t, 0, data, 0, document{"foundColour": "blue"})
	}
}
