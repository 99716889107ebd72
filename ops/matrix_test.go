package ops_test

import (
	"testing"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

func TestMatrix(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	id := s.create(plan.Spec{}, "a", "b", "c")
	if _, err := s.engine.SkipTask(t.Context(), task.NewID(id, 2)); err != nil {
		t.Fatal(err)
	}
	a := s.send("GET", "plans/"+id.String()+"/matrix", "")
	legend, _ := a.body["legend"].([]any)
	if a.status != 200 || a.body["states"] != "050" || a.body["seq"] != 2.0 || len(legend) != task.NumStates || legend[5] != "SKIPPED" {
		t.Errorf("%d %s", a.status, a.text)
	}
	for path, status := range map[string]int{"plans/99/matrix": 404, "plans/x/matrix": 404} {
		if a := s.send("GET", path, ""); a.status != status {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
}
