package cutover

import (
	"reflect"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/task"
)

// Two specs with the same idempotency key are the same only if every field of their strategies is.
func TestDigestHashesTheWholeStrategy(t *testing.T) {
	t.Parallel()
	seen := map[string]string{digest(plan.Spec{IdempotencyKey: "k"}): "the zero strategy"}
	var s strategy.Strategy
	eachField(t, "Strategy", reflect.ValueOf(&s).Elem(), func(field string) {
		sum := digest(plan.Spec{IdempotencyKey: "k", Strategy: s})
		if same, twice := seen[sum]; twice {
			t.Errorf("%s has no effect: the digest is that of %s", field, same)
		}
		seen[sum] = field
	})
}

// eachField sets each field within v, one at a time, and calls f.
func eachField(t *testing.T, name string, v reflect.Value, f func(field string)) {
	t.Helper()
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	defer v.Set(old)
	switch field := v.Addr().Interface().(type) {
	case *window.TimeOfDay:
		*field = window.TimeOfDay{Hour: 1}
		f(name)
		return
	case *window.DateRange:
		day := window.Date{Year: 2026, Month: time.March, Day: 1}
		*field = window.DateRange{First: day, Last: day}
		f(name)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			eachField(t, name+"."+v.Type().Field(i).Name, v.Field(i), f)
		}
		return
	case reflect.Slice:
		if _, dates := v.Interface().([]window.DateRange); dates {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			eachField(t, name+"[0]", v.Index(0), f)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		if w, is := v.Index(0).Addr().Interface().(*window.Window); is {
			w.Kind = window.Deny // any other is no kind, and has no form to hash
		}
		f(name)
		eachField(t, name+"[0]", v.Index(0), f)
		return
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"key": "value"}).Convert(v.Type()))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("text")
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(time.Second))
	case reflect.Uint8:
		v.SetUint(1)
	default:
		t.Fatalf("no value for %s of type %s", name, v.Type())
	}
	f(name)
}

// The digest of a spec is stored: a host of a newer version has to find the plan of a key again.
func TestDigestStaysAsItIsStored(t *testing.T) {
	t.Parallel()
	rich := plan.Spec{
		Name: "n", ExecutorType: "X", IdempotencyKey: "k", Parameters: map[string]string{"a": "1", "b": "2"},
		Tenants: []task.Tenant{{ID: "t1", Labels: map[string]string{"region": "eu"}}, {ID: "t2", Parameters: map[string]string{"a": "3"}}},
		Strategy: strategy.Strategy{
			MaxConcurrency: strategy.Count(5), MaxFailures: strategy.Percent(10), FailureAction: strategy.RollbackPlan,
			ConcurrencyMode: strategy.Strict, Retry: strategy.Retry{Attempts: 3, First: time.Second, Max: time.Minute},
			MinSuccessTime: time.Minute, TaskTimeout: time.Hour, ProgressDeadline: 2 * time.Minute,
			Waves: []strategy.Wave{
				{Name: "first", Size: strategy.Count(1), Canary: true, BakeTime: time.Minute, Approval: true, MaxConcurrency: strategy.Count(1), MaxFailures: strategy.Percent(0)},
				{Labels: map[string]string{"region": "eu"}},
				{Tenants: []string{"t2"}},
			},
			BakeTime: time.Second, FirstBakeTime: 2 * time.Second, FinalBakeTime: 3 * time.Second,
			Windows: []window.Window{{Kind: window.Deny, Zone: "UTC", Days: window.On(time.Monday), From: window.At(8, 0), To: window.At(18, 0)}},
		},
	}
	sizes := plan.Spec{Name: "n", IdempotencyKey: "k", Strategy: strategy.Strategy{WaveSizes: []strategy.Amount{strategy.Count(1), strategy.Percent(25)}}}
	for name, tt := range map[string]struct {
		spec plan.Spec
		want string
	}{
		"none":  {plan.Spec{Name: "n", IdempotencyKey: "k"}, "6a1cab53cb6932936fdaaee9b52b50cdb65f1f149ecee735d2d37a94a3779798"},
		"rich":  {rich, "29a7d6eba5341450065bcbc1d2e3eb1010b40ceeda4439090c0e2f4ea1830d61"},
		"sizes": {sizes, "c48b687a5751fa37784c90c0e0724be32cd2b4e85f6c8d34d0f0fc5fba08a0ff"},
	} {
		if got := digest(tt.spec); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
