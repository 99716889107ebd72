package cutover

import (
	"reflect"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
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
