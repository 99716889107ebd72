package ops_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// example is a request of the scenarios with its answer.
type example struct {
	method, path, body string
	answer             map[string]any
}

func readExample(t *testing.T, name string) (x example) {
	t.Helper()
	text, err := os.ReadFile("testdata/scenarios/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	request, answer, _ := strings.Cut(string(text), "\nResponse:\n")
	line, body, _ := strings.Cut(request, "\n")
	x.method, x.path, _ = strings.Cut(line, " ")
	x.path, x.body = strings.TrimPrefix(x.path, "/api/"), strings.TrimSpace(body)
	if err := json.Unmarshal([]byte(answer), &x.answer); err != nil {
		t.Fatal(err)
	}
	return x
}

// TestScenarios sends the requests of the scenarios, just as they stand, at the times that their
// answers show, and compares the answers field by field. Only the id of the task is another one,
// because a task's id names its plan.
func TestScenarios(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sleepUntil(9, 0, 0)
		e, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{"BLUE_GREEN_SWITCH": executor.Func(timeOut)}})
		if err != nil {
			t.Fatal(err)
		}
		for range 122 { // the plan of the scenarios is number 123
			spec := plan.Spec{Name: "earlier", ExecutorType: "BLUE_GREEN_SWITCH", Tenants: plan.Tenants("other")}
			if _, err := e.Create(t.Context(), spec); err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- e.Run(ctx) }()
		h := mount(t, e, ops.Config{})

		replay(t, h, "1-create", http.StatusCreated)
		sleepUntil(10, 0, 0)
		replay(t, h, "2-start", http.StatusOK)
		sleepUntil(10, 20, 0)
		replay(t, h, "4-failure", http.StatusOK)
		sleepUntil(10, 30, 0)
		replay(t, h, "5-retry", http.StatusOK)
		sleepUntil(11, 0, 0)
		if p, err := e.Plan(t.Context(), 123); err != nil || p.State.String() != "COMPLETED" {
			t.Errorf("the plan ends %s: %v", p.State, err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// sleepUntil sleeps until a time of the day of the scenarios.
func sleepUntil(hour, minute, second int) {
	time.Sleep(time.Until(time.Date(2025, 11, 22, hour, minute, second, 0, time.UTC)))
}

// timeOut is a switch whose gateway does not answer on the first attempt.
func timeOut(ctx context.Context, run *executor.Run) error {
	state := map[string]any{"completedSteps": []string{"GET_TENANT_INFO"}, "failedStep": "SWITCH_TO_BLUE"}
	if err := run.Save(ctx, "SWITCH_GATEWAY", state); err != nil {
		return err
	}
	if run.Attempt() == 1 && run.Tenant().ID == "tenant1" {
		sleepUntil(10, 15, 30)
		return executor.Retryable("GATEWAY_TIMEOUT", errors.New("Gateway API timeout"))
	}
	time.Sleep(time.Minute)
	return nil
}

func replay(t *testing.T, h http.Handler, name string, status int) {
	t.Helper()
	x := readExample(t, name)
	x.path = strings.Replace(x.path, "456", "123000001", 1)
	got := send(t, h, x.method, x.path, x.body)
	if got.status != status || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %d %s", name, got.status, got.text)
	}
	if id := x.answer["taskId"]; id != nil {
		x.answer["taskId"] = 123000001.0
	}
	for _, difference := range differences(name, x.answer, got.body) {
		t.Error(difference)
	}
	if id := got.body["planId"]; id != 123.0 {
		t.Errorf("%s: plan %v", name, id)
	}
}

// differences returns what want has and got has not. got may have more members.
func differences(path string, want, got any) (list []string) {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for name := range w {
			list = append(list, differences(path+"."+name, w[name], g[name])...)
		}
		return list
	case string:
		if at, err := time.Parse("2006-01-02T15:04:05", w); err == nil { // the scenarios leave out zone and milliseconds
			want = at.Format("2006-01-02T15:04:05.000Z")
		}
	}
	if !reflect.DeepEqual(want, got) {
		list = append(list, fmt.Sprintf("%s is %v, want %v", path, got, want))
	}
	return list
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	want := map[string]any{"a": 1.0, "b": map[string]any{"c": "x"}, "at": "2025-11-22T10:00:00"}
	for _, got := range []map[string]any{
		{},
		{"a": 2.0, "b": map[string]any{"c": "x"}, "at": "2025-11-22T10:00:00.000Z"},
		{"a": 1.0, "b": map[string]any{}, "at": "2025-11-22T10:00:00.000Z"},
		{"a": 1.0, "b": "x", "at": "2025-11-22T10:00:00.000Z"},
		{"a": 1.0, "b": map[string]any{"c": "x"}, "at": "2025-11-22T10:00:00"},
	} {
		if differences("", want, got) == nil {
			t.Errorf("%v is as good as %v", got, want)
		}
	}
}
