package ops_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

// linesOf exports a plan, and returns the lines of the export.
func linesOf(t *testing.T, h http.Handler) (lines []map[string]any) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/plans/1/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || kind != "application/x-ndjson" {
		t.Fatalf("%d %s", answer.StatusCode, kind)
	}
	for in := json.NewDecoder(answer.Body); in.More(); {
		var line map[string]any
		if err := in.Decode(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

// last returns the last line.
func last(lines []map[string]any) string { return fmt.Sprint(lines[len(lines)-1]) }

// An export has the plan, every task and every event, each once and in order, and says that it is
// whole.
func TestExport(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{Parameters: map[string]string{"k": "secret"}}, many(1234)...)
	for range 3 {
		s.send("POST", "plans/1/tune", `{"reason":"r","maxFailures":1}`)
		s.send("POST", "plans/1/tune", `{"reason":"r","maxFailures":2}`)
	}
	lines := linesOf(t, s.handler)
	if p := lines[0]["plan"].(map[string]any); p["planId"] != 1.0 || fmt.Sprint(p["parameters"]) != "map[k:secret]" || len(p["actions"].([]any)) > 0 {
		t.Errorf("%v", p)
	}
	for i := range 1234 {
		if tk := lines[1+i]["task"].(map[string]any); tk["ordinal"] != float64(i+1) {
			t.Fatalf("task %d is %v", i+1, tk)
		}
	}
	for i := range 7 {
		if e := lines[1235+i]["event"].(map[string]any); e["seq"] != float64(i+1) {
			t.Fatalf("event %d is %v", i+1, e)
		}
	}
	if got := last(lines); len(lines) != 1243 || got != "map[end:map[events:7 tasks:1234]]" {
		t.Errorf("%d lines, the last one is %s", len(lines), got)
	}
	s.handler = mount(t, s.engine, ops.Config{Authenticate: as(only(ops.View))})
	if text := fmt.Sprint(linesOf(t, s.handler)); strings.Contains(text, "secret") {
		t.Error("who may not view data gets it")
	}
}

// Events that are not kept any more are missing, and the export says so.
func TestExportOfATrimmedLog(t *testing.T) {
	t.Parallel()
	s := newSite(t, memstore.NewWith(memstore.Config{MaxEvents: 5}), ops.Config{})
	s.start(s.create(plan.Spec{}, many(20)...))
	for i := range 20 {
		s.send("POST", fmt.Sprintf("tasks/10000%02d/skip", i+1), `{"reason":"r"}`)
	}
	lines := linesOf(t, s.handler)
	if text := fmt.Sprint(lines); !strings.Contains(text, "map[trimmed:") {
		t.Errorf("it does not say that it lacks events: %s", text)
	}
	if got := last(lines); !strings.HasPrefix(got, "map[end:map[") {
		t.Errorf("the last line is %s", got)
	}
}

// breaking is an engine whose store goes away after the first tasks.
type breaking struct{ ops.Engine }

func (breaking) Events(context.Context, plan.ID, int64, int) ([]plan.Event, error) {
	return nil, &store.TemporaryError{Err: fmt.Errorf("secret")}
}

// An export that cannot be finished says why, and has no end.
func TestExportThatBreaksOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{}, "a")
	lines := linesOf(t, mount(t, breaking{s.engine}, ops.Config{}))
	if got := last(lines); len(lines) != 3 || !strings.Contains(got, "code:STORE_UNAVAILABLE") || strings.Contains(got, "secret") {
		t.Errorf("the last line is %s", got)
	}
}

// An export gives its place back, and needs a server that can write it piece by
// piece.
func TestExportIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{}, "a")
	for path, code := range map[string]string{"plans/1/export": "NO_STREAM", "plans/7/export": "NOT_FOUND"} {
		if r := s.send("GET", path, ""); r.code() != code {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
	if _, err := s.engine.Cancel(t.Context(), 1, cutover.Because("r")); err != nil {
		t.Fatal(err)
	}
	var before bytes.Buffer
	for range ops.MaxExports + 1 {
		fmt.Fprintln(&before, last(linesOf(t, s.handler)))
	}
	if strings.Count(before.String(), "end") != ops.MaxExports+1 {
		t.Errorf("places are not given back: %s", before.String())
	}
}
