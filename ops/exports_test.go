package ops_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// waiting is an engine whose tasks can be read only when on is closed.
type waiting struct {
	ops.Engine
	begun, on chan struct{}
}

func (w waiting) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) ([]task.Task, int, error) {
	w.begun <- struct{}{}
	<-w.on
	return w.Engine.Tasks(ctx, id, q)
}

// Exports take as long as their clients like. As many as there may be keep nobody from the
// questions by which a plan is watched.
func TestSlowExportsHoldUpNobodyElse(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{}, "a")
	e := waiting{s.engine, make(chan struct{}), make(chan struct{})}
	s.handler = mount(t, e, ops.Config{})
	server := httptest.NewServer(s.handler)
	defer server.Close()
	ended := make(chan error, ops.MaxExports)
	for range ops.MaxExports {
		go func() { ended <- fetch(t.Context(), server.URL+"/api/plans/1/export") }()
	}
	for range ops.MaxExports {
		<-e.begun
	}
	for _, path := range []string{"plans/1/matrix", "plans/1/failures", "tenants?id=a", "tasks?label=a%3Db"} {
		if r := s.send("GET", path, ""); r.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
	if r := s.send("GET", "plans/1/export", ""); r.code() != "TOO_MANY_READS" || r.header.Get("Retry-After") != "1" {
		t.Errorf("one too many: %d %s", r.status, r.text)
	}
	close(e.on)
	for range ops.MaxExports {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// fetch reads an answer to its end.
func fetch(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}
