package otelcutover_test

import (
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/otelcutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/renewal"
	"github.com/cutover-go/cutover/task"
)

// docs/observability.md lists every attribute with its type, every instrument with its kind, unit
// and attributes, and every span and event, and nothing else.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	o := observe(t, otelcutover.Config{OneTrace: -1})
	makeEverything(t, o)

	types := make(map[string]string)
	names := make(map[string]string)
	note := func(attributes []attribute.KeyValue) {
		for _, a := range attributes {
			types[string(a.Key)] = map[attribute.Type]string{
				attribute.INT64: "int", attribute.STRING: "string", attribute.BOOL: "boolean", attribute.FLOAT64: "double",
			}[a.Value.Type()]
		}
	}
	for _, s := range o.spans.Ended() {
		names[particular.ReplaceAllString(commanded.ReplaceAllString(s.Name(), "command NAME"), "$1 TYPE")] = s.SpanKind().String()
		note(s.Attributes())
		for _, e := range s.Events() {
			names[e.Name] = ""
			note(e.Attributes)
		}
	}
	instruments := make(map[string]string)
	for name, m := range o.collect(t) {
		var used []string
		kind := measured(t, m, func(s attribute.Set) {
			note(s.ToSlice())
			for _, a := range s.ToSlice() {
				used = append(used, "`"+string(a.Key)+"`")
			}
		})
		slices.Sort(used)
		instruments[name] = strings.Join([]string{kind, strings.Trim(m.Unit, "{}"), strings.Join(slices.Compact(used), " ")}, "/")
	}
	compare(t, "attributes", types, rows(string(text), `cutover\.[a-z._]+|error\.type`, func(cells []string) string { return cells[1] }, 4))
	compare(t, "instruments", instruments, rows(string(text), `cutover\.[a-z._]+`, func(cells []string) string {
		used := regexp.MustCompile("`[^`]*`").FindAllString(cells[3], -1)
		slices.Sort(used)
		return strings.Join([]string{cells[1], strings.Trim(cells[2], "`{}"), strings.Join(used, " ")}, "/")
	}, 5))
	for name := range names {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("nothing is said of %q", name)
		}
	}
}

// What is particular in the names of spans.
var (
	commanded  = regexp.MustCompile(`^command .*`)
	particular = regexp.MustCompile(`^(execute|verify|rollback|plan) .*`)
)

// rows returns what f makes of the rows of the tables with so many columns whose first cell is a
// name that matches.
func rows(text, name string, f func(cells []string) string, columns int) map[string]string {
	first := regexp.MustCompile("^`(" + name + ")`$")
	found := make(map[string]string)
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if m := first.FindStringSubmatch(cells[0]); m != nil && len(cells) == columns {
			found[m[1]] = f(cells)
		}
	}
	return found
}

func compare(t *testing.T, what string, made, documented map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if documented[name] != made[name] {
			t.Errorf("%s: %s is %q, documented is %q", what, name, made[name], documented[name])
		}
	}
	for name := range documented {
		if _, is := made[name]; !is {
			t.Errorf("%s: %s is documented, and not made", what, name)
		}
	}
}

// measured returns the kind of an instrument and passes the attributes of its points on.
func measured(t *testing.T, m metricdata.Metrics, attributes func(attribute.Set)) string {
	t.Helper()
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			attributes(p.Attributes)
		}
		if data.IsMonotonic {
			return "counter"
		}
		return "up-down counter"
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			attributes(p.Attributes)
		}
		return "histogram"
	}
	t.Fatalf("%s is a %T", m.Name, m.Data)
	return ""
}

// makeEverything makes every span, event, attribute and measurement that there is.
func makeEverything(t *testing.T, o *observed) {
	t.Helper()
	ctx, h := t.Context(), o.Hooks()
	failure := &task.FailureInfo{ErrorCode: "X", Step: "s", Reason: "r"}
	create := h.OnCommandStart(ctx, hook.Command{Name: "Create", Plan: 1, Task: 2, Actor: "a", Reason: "r"})
	p := plan.Plan{ID: 1, Name: "p", Control: plan.Control{State: plan.Completed}, Annotations: h.OnCreate(create, plan.Spec{Tenants: plan.Tenants("a")})}
	h.OnCommandEnd(create, hook.Command{}, hook.CommandResult{Plan: p, Unchanged: true, Repeated: true, Err: errors.New("x")})
	for _, x := range []hook.Execution{
		{Task: 2, Tenant: "t", Attempt: 1, Step: "s", Losses: 1, Annotations: p.Annotations}, {Rollback: true}, {Verify: true},
	} {
		h.OnWorkerLost(x.Task, "w")
		run := h.OnExecuteStart(ctx, x)
		h.OnSave(x.Task, "", 1)
		h.OnSave(x.Task, "s", 1)
		h.OnExecuteEnd(run, x, hook.Outcome{State: task.Failed, Failure: failure, Wait: task.WaitBackoff, After: time.Second})
	}
	h.OnPlanChange(p, []plan.Event{{From: "RUNNING", To: "COMPLETED", Cause: "complete", At: time.Now()}})
	h.OnLeaseLost("w", 1)
	h.OnStoreFault("commit", errors.New("x"))

	acks := o.Redisack()
	for _, name := range []string{"Write", "Confirm", "Apply"} {
		call := redisack.Call{Name: name, Key: "k", Version: "v"}
		res := &redisack.AckResult{Rollback: &redisack.RollbackReport{}, Endpoints: make([]redisack.EndpointReport, 200)}
		res.Endpoints[0] = redisack.EndpointReport{ID: "e", Version: "v", Err: "x"}
		acks.OnCallEnd(acks.OnCallStart(ctx, call), call, redisack.CallResult{
			Target: redisack.Target{Rev: 1, Outcome: redisack.OutcomeWritten}, Result: res, Err: errors.New("x"),
		})
	}
	nodes := o.Renewal()
	nodes.OnBatch(renewal.Batch{Calls: 1, Renewed: 1})
	for _, begun := range []bool{true, false} {
		nodes.OnLag(renewal.Lag{Node: "n", Begun: begun})
		nodes.OnEviction(renewal.Eviction{Node: "n", Begun: begun})
	}
}
