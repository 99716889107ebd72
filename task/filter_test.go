package task_test

import (
	"reflect"
	"testing"

	"github.com/cutover-go/cutover/task"
)

func failedTask() task.Task {
	return task.Task{
		Tenant: task.Tenant{ID: "eu-17", Labels: map[string]string{"region": "eu", "tier": ""}},
		Control: task.Control{
			State: task.Failed, Attempt: 1, Failure: &task.FailureInfo{ErrorCode: "GATEWAY_TIMEOUT", Step: "SWITCH"},
		},
	}
}

func TestFilterMatches(t *testing.T) {
	t.Parallel()
	labels := func(kv ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return m
	}
	for name, tt := range map[string]struct {
		filter task.Filter
		want   bool
	}{
		"all":                 {task.Filter{}, true},
		"its state":           {task.Filter{States: []task.State{task.Paused, task.Failed}}, true},
		"another state":       {task.Filter{States: []task.State{task.Paused}}, false},
		"its code":            {task.Filter{Codes: []string{"X", "GATEWAY_TIMEOUT"}}, true},
		"another code":        {task.Filter{Codes: []string{"GATEWAY"}}, false},
		"its step":            {task.Filter{Steps: []string{"SWITCH"}}, true},
		"another step":        {task.Filter{Steps: []string{"VERIFY"}}, false},
		"code, another step":  {task.Filter{Codes: []string{"GATEWAY_TIMEOUT"}, Steps: []string{"VERIFY"}}, false},
		"step, another code":  {task.Filter{Codes: []string{"X"}, Steps: []string{"SWITCH"}}, false},
		"its labels":          {task.Filter{Labels: labels("region", "eu", "tier", "")}, true},
		"one label of two":    {task.Filter{Labels: labels("region", "eu", "tier", "gold")}, false},
		"a label it lacks":    {task.Filter{Labels: labels("zone", "")}, false},
		"its tenant":          {task.Filter{Tenant: "eu-17"}, true},
		"its beginning":       {task.Filter{Tenant: "eu-"}, true},
		"a longer tenant":     {task.Filter{Tenant: "eu-171"}, false},
		"waves are unknown":   {task.Filter{Waves: []int{9}}, true},
		"all that it is":      {task.Filter{States: []task.State{task.Failed}, Codes: []string{"GATEWAY_TIMEOUT"}, Labels: labels("region", "eu"), Tenant: "eu"}, true},
		"all, and one is not": {task.Filter{States: []task.State{task.Failed}, Codes: []string{"GATEWAY_TIMEOUT"}, Labels: labels("region", "us"), Tenant: "eu"}, false},
	} {
		of := failedTask()
		if got := tt.filter.Matches(&of); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	fine := task.Task{Control: task.Control{State: task.Completed}}
	if f := (task.Filter{Codes: []string{""}}); f.Matches(&fine) {
		t.Error("a task without a failure has an empty code")
	}
}

// Every field takes part in a copy, in the text and in the question whether there is a filter.
func TestFilterIsComplete(t *testing.T) {
	t.Parallel()
	var zero task.Filter
	if !zero.IsZero() || zero.String() != "all tasks" {
		t.Errorf("the zero filter is %q", &zero)
	}
	full := task.Filter{
		States: []task.State{task.Failed, task.Paused}, Codes: []string{"A", "B"}, Steps: []string{"S"}, Waves: []int{2, 3},
		Labels: map[string]string{"tier": "gold", "region": "eu"}, Tenant: "eu-",
	}
	const text = "state FAILED or PAUSED, code A or B, step S, wave 2 or 3, label region=eu, label tier=gold, tenant eu-..."
	if got := full.String(); got != text {
		t.Errorf("it says %q", got)
	}
	if got := full.Clone(); !reflect.DeepEqual(got, full) {
		t.Errorf("the copy is %+v", got)
	}
	for i := range reflect.TypeFor[task.Filter]().NumField() {
		var one task.Filter
		reflect.ValueOf(&one).Elem().Field(i).Set(reflect.ValueOf(full).Field(i))
		field := reflect.TypeFor[task.Filter]().Field(i).Name
		if one.IsZero() || one.String() == "all tasks" {
			t.Errorf("a filter of %s is none", field)
		}
		if want := field == "States" || field == "Waves"; one.OnlyStates() != want {
			t.Errorf("a filter of %s: only states: %t", field, one.OnlyStates())
		}
	}
}

func TestFilterCopyIsIndependent(t *testing.T) {
	t.Parallel()
	f := task.Filter{Codes: []string{"A"}, Labels: map[string]string{"region": "eu"}}
	own := f.Clone()
	empty := task.Filter{States: []task.State{}, Waves: []int{}, Labels: map[string]string{}}
	if got := empty.Clone(); !reflect.DeepEqual(got, task.Filter{}) {
		t.Errorf("the copy of an empty filter is %#v", got)
	}
	f.Codes[0], f.Labels["region"] = "B", "us"
	if own.Codes[0] != "A" || own.Labels["region"] != "eu" {
		t.Errorf("the copy has changed to %+v", own)
	}
}
