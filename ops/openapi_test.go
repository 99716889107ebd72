package ops_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/task"
)

// description is what the tests here need of the description of the API.
type description struct {
	Paths      map[string]map[string]json.RawMessage
	Components struct {
		Responses map[string]struct {
			Content map[string]struct{ Schema schema }
		}
		Schemas map[string]schema
	}
}

// schema is a JSON schema.
type schema struct {
	AllOf      []schema `json:"allOf"`
	Ref        string   `json:"$ref"`
	Const      int
	Enum       []string
	Properties map[string]schema
}

// described returns the description of the API, as the handler sends it.
func described(t *testing.T) description {
	t.Helper()
	r := newSite(t, nil, ops.Config{}).send("GET", "openapi.json", "")
	var d description
	if err := json.Unmarshal([]byte(r.text), &d); err != nil || r.status != http.StatusOK || r.body["openapi"] != "3.1.0" {
		t.Fatalf("%d %v", r.status, err)
	}
	return d
}

// members returns the members of a schema, in alphabetical order.
func (d *description) members(s schema) (names []string) {
	if s.Ref != "" {
		s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	names = slices.Collect(maps.Keys(s.Properties))
	for _, part := range s.AllOf {
		names = append(names, d.members(part)...)
	}
	slices.Sort(names)
	return names
}

// The description has every path, and no other.
func TestDescribedPaths(t *testing.T) {
	t.Parallel()
	var paths []string
	for path, methods := range described(t).Paths {
		for method := range methods {
			paths = append(paths, strings.ToUpper(method)+" "+strings.TrimPrefix(path, "/"))
		}
	}
	slices.Sort(paths)
	if routed := found(t, "routes.go", `pattern: "(GET|POST) /([^"]+)"`); !slices.Equal(paths, routed) {
		t.Errorf("described %q\nrouted    %q", paths, routed)
	}
}

// The description has every code with its status, and no other.
func TestDescribedCodes(t *testing.T) {
	t.Parallel()
	d := described(t)
	var codes, all []string
	for _, r := range d.Components.Responses {
		problem := r.Content["application/problem+json"].Schema.Properties
		for _, code := range problem["code"].Enum {
			all = append(all, code)
			codes = append(codes, code+" "+strings.ReplaceAll(http.StatusText(problem["status"].Const), " ", ""))
		}
	}
	slices.Sort(codes)
	slices.Sort(all)
	if defined := found(t, "codes.go", `code\{"(\w+)", http\.Status(\w+)`); !slices.Equal(codes, defined) {
		t.Errorf("described %q\ndefined   %q", codes, defined)
	}
	if listed := slices.Sorted(slices.Values(d.Components.Schemas["Problem"].Properties["code"].Enum)); !slices.Equal(listed, all) {
		t.Errorf("a problem has the codes %q, the answers have %q", listed, all)
	}
}

// The description has every member of every request and answer, and no other.
func TestDescribedMembers(t *testing.T) {
	t.Parallel()
	d := described(t)
	for name, of := range map[string]reflect.Type{
		"Spec": reflect.TypeFor[wire.Spec](), "Tenant": reflect.TypeFor[wire.Tenant](), "Strategy": reflect.TypeFor[wire.Strategy](),
		"Retry": reflect.TypeFor[wire.Retry](), "Wave": reflect.TypeFor[wire.Wave](), "Window": reflect.TypeFor[window.Window](),
		"Tuning": reflect.TypeFor[wire.Tuning](), "WaveTuning": reflect.TypeFor[wire.WaveTuning](), "Filter": reflect.TypeFor[wire.Filter](),
		"Command": reflect.TypeFor[wire.Command](), "RetryCommand": reflect.TypeFor[wire.RetryCommand](),
		"RetryTaskCommand": reflect.TypeFor[wire.RetryTaskCommand](),
		"PauseCommand":     reflect.TypeFor[wire.PauseCommand](), "TasksCommand": reflect.TypeFor[wire.TasksCommand](), "AddCommand": reflect.TypeFor[wire.AddCommand](),
		"ExcludeCommand": reflect.TypeFor[wire.ExcludeCommand](), "Plan": reflect.TypeFor[wire.Plan](),
		"PlanSummary": reflect.TypeFor[wire.PlanSummary](), "PlanWave": reflect.TypeFor[wire.PlanWave](),
		"PlanSweep": reflect.TypeFor[wire.PlanSweep](), "Undo": reflect.TypeFor[wire.Undo](), "TasksAnswer": reflect.TypeFor[wire.TasksAnswer](),
		"Reach": reflect.TypeFor[wire.Reach](), "Preview": reflect.TypeFor[wire.Preview](), "WavePreview": reflect.TypeFor[wire.WavePreview](),
		"Task": reflect.TypeFor[wire.Task](), "TaskSummary": reflect.TypeFor[wire.TaskSummary](), "Wait": reflect.TypeFor[wire.Wait](),
		"Saved": reflect.TypeFor[wire.Saved](), "FailureInfo": reflect.TypeFor[wire.FailureInfo](), "Event": reflect.TypeFor[wire.Event](),
		"Fault": reflect.TypeFor[wire.Fault](), "Notifier": reflect.TypeFor[wire.Notifier](), "DeadLetter": reflect.TypeFor[wire.DeadLetter](),
		"RedeliverCommand": reflect.TypeFor[wire.RedeliverCommand](), "Sent": reflect.TypeFor[wire.Sent](),
		"Worker": reflect.TypeFor[wire.Worker](), "WorkerTask": reflect.TypeFor[wire.WorkerTask](),
		"TenantTask": reflect.TypeFor[wire.TenantTask](),
	} {
		members := jsonMembers(of)
		slices.Sort(members)
		if described := d.members(d.Components.Schemas[name]); !slices.Equal(described, members) {
			t.Errorf("%s: described %q\n%s has %q", name, described, of, members)
		}
	}
}

// jsonMembers returns the names of the JSON members of a type, with those of embedded ones.
func jsonMembers(of reflect.Type) (names []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			names = append(names, jsonMembers(f.Type)...)
		case name != "":
			names = append(names, name)
		}
	}
	return names
}

// The description has every word of every enumeration, in its order.
func TestDescribedWords(t *testing.T) {
	t.Parallel()
	d := described(t)
	var states, tasks, actions, why, kinds []string
	for s := range plan.NumStates {
		states = append(states, plan.State(s).String())
	}
	for s := range task.NumStates {
		tasks = append(tasks, task.State(s).String())
	}
	for _, a := range ops.Actions() {
		actions = append(actions, string(a))
	}
	for k := range plan.NumSweepKinds {
		kinds = append(kinds, plan.SweepKind(k).String())
	}
	for c := plan.ReasonCode(0); !strings.Contains(c.String(), strconv.Itoa(int(c))); c++ {
		why = append(why, c.String())
	}
	for name, words := range map[string][]string{"PlanState": states, "TaskState": tasks, "Action": actions} {
		if got := d.Components.Schemas[name].Enum; !slices.Equal(got, words) {
			t.Errorf("%s: %q, want %q", name, got, words)
		}
	}
	for name, words := range map[string][]string{
		"Why code": why, "PlanSweep kind": kinds, "TaskSummaryFields request": texts[task.Request](t), "PlanSummaryFields gate": texts[plan.Gate](t),
		"Wait reason": texts[task.WaitReason](t),
	} {
		of, member, _ := strings.Cut(name, " ")
		if got := d.Components.Schemas[of].Properties[member].Enum; !slices.Equal(got, words) {
			t.Errorf("%s: %q, want %q", name, got, words)
		}
	}
}

// texts returns the text forms of an enumeration without its zero value, which is left out.
func texts[T interface {
	~uint8
	MarshalText() ([]byte, error)
}](t *testing.T) (words []string) {
	t.Helper()
	for v := T(1); ; v++ {
		text, err := v.MarshalText()
		if err != nil {
			return words
		}
		words = append(words, string(text))
	}
}

// The description is sent as it lies here.
func TestDescriptionIsTheFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var sent, written any
	r := newSite(t, nil, ops.Config{}).send("GET", "openapi.json", "")
	if json.Unmarshal([]byte(r.text), &sent) != nil || json.Unmarshal(text, &written) != nil || !reflect.DeepEqual(sent, written) {
		t.Error("it is another one")
	}
}
