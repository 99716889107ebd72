package ops_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// A task's reason is a code with parameters and a sentence. Times are as in every other answer, and
// every code of the engine is in the documentation.
func TestWhy(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{}, "a", "b")
	const path = "tasks/1000002/why"
	want := func(text string) {
		t.Helper()
		var body map[string]any
		r := s.send("GET", path, "")
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Fatal(err)
		}
		params, _ := r.body["params"].(map[string]any)
		if at, is := params["at"].(string); is {
			if _, err := time.Parse("2006-01-02T15:04:05.000Z", at); err != nil {
				t.Error(err)
			}
			sentence, _ := r.body["text"].(string)
			before, after, _ := strings.Cut(sentence, " at 2")
			_, after, _ = strings.Cut(after, "Z")
			params["at"], r.body["text"] = "now", before+after
		}
		got, _ := json.Marshal(r.body)
		expected, _ := json.Marshal(body)
		if r.status != http.StatusOK || string(got) != string(expected) {
			t.Errorf("%d %s\nwant %s", r.status, got, expected)
		}
	}
	want(`{"taskId":1000002,"taskState":"PENDING","planState":"CREATED","code":"NOT_STARTED","text":"The plan has not been started."}`)
	s.start(1)
	want(`{"taskId":1000002,"taskState":"PENDING","planState":"RUNNING","code":"NO_EXECUTOR","params":{"executorType":"X"},
		"text":"Nothing holds it back, but no process that works on tasks has the executor X."}`)
	s.join("w", store.Process{Executors: []string{"X"}})
	want(`{"taskId":1000002,"taskState":"PENDING","planState":"RUNNING","code":"MAY_START","params":{"slots":0,"maxSlots":1},
		"text":"Nothing holds it back; a worker takes it in its turn (0 of 1 slots are taken)."}`)
	if r := s.send("POST", "plans/1/pause", `{"reason":"gateway is slow"}`); r.status != http.StatusOK {
		t.Fatal(r.text)
	}
	want(`{"taskId":1000002,"taskState":"PENDING","planState":"PAUSED","code":"PLAN_PAUSED",
		"params":{"pauseReasons":["hand"],"actor":"ada","reason":"gateway is slow","at":"now"},
		"text":"The plan is paused (hand) by ada (\"gateway is slow\"); a resume continues it."}`)
}

// A task of a plan that the caller may not view has no reason, and neither has one that is not
// there.
func TestWhyOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{}, "a")
	for path, status := range map[string]int{"tasks/1000002/why": 404, "tasks/2000001/why": 404, "tasks/x/why": 404} {
		if r := s.send("GET", path, ""); r.status != status {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
	hidden := newSite(t, nil, ops.Config{Authenticate: func(*http.Request) (ops.Caller, error) { return nobody{}, nil }})
	hidden.create(plan.Spec{}, "a")
	if r := hidden.send("GET", "tasks/1000001/why", ""); r.status != http.StatusNotFound {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// nobody may do nothing.
type nobody struct{}

func (nobody) Actor() string                   { return "nobody" }
func (nobody) May(ops.Action, *plan.Plan) bool { return false }

// What cannot be read is missing, and the answer says so; the rest of it is there.
func TestWhyThatIsPartlyRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := storetest.Intercept(memstore.New(), func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Locks" {
				return &store.TemporaryError{Err: context.DeadlineExceeded}
			}
			return c.Do(ctx)
		})
		s := newSite(t, away, ops.Config{})
		s.create(plan.Spec{}, "a")
		r := s.send("GET", "tasks/1000001/why", "")
		partly, _ := r.body["partly"].(map[string]any)
		if r.status != http.StatusOK || r.body["code"] != "NOT_STARTED" || partly["code"] != "STORE_UNAVAILABLE" {
			t.Errorf("%d %s", r.status, r.text)
		}
	})
}

// The documentation has every code of the reasons with its parameters, and no other.
func TestDocumentedReasons(t *testing.T) {
	t.Parallel()
	var want []string
	for c := range plan.ReasonCode(plan.NumReasons) {
		want = append(want, c.String()+" "+strings.Join(c.Params(), ", "))
	}
	slices.Sort(want)
	documented := found(t, "../docs/ops.md", "(?m)^\\| `([A-Z_]+)` \\| ([a-zA-Z, ]*) ?\\| .* \\|$")
	for i, row := range documented {
		documented[i] = strings.TrimSuffix(row, " ")
	}
	for i, row := range want {
		want[i] = strings.TrimSuffix(row, " ")
	}
	if !slices.Equal(documented, want) {
		t.Errorf("documented %q\nwant       %q", documented, want)
	}
}
