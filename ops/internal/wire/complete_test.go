package wire_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// Whatever a request can ask for is a member, so that a new field is not forgotten here.
func TestRequestsAreComplete(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		of, members reflect.Type
		without     []string
	}{
		{reflect.TypeFor[strategy.Strategy](), reflect.TypeFor[wire.Strategy](), nil},
		{reflect.TypeFor[strategy.Retry](), reflect.TypeFor[wire.Retry](), nil},
		{reflect.TypeFor[strategy.Wave](), reflect.TypeFor[wire.Wave](), nil},
		{reflect.TypeFor[strategy.Tuning](), reflect.TypeFor[wire.Tuning](), nil},
		{reflect.TypeFor[strategy.WaveTuning](), reflect.TypeFor[wire.WaveTuning](), nil},
		{reflect.TypeFor[plan.Spec](), reflect.TypeFor[wire.Spec](), []string{"idempotencyKey", "tenantSeq"}}, // a header, and what needs Go
		{reflect.TypeFor[task.Filter](), reflect.TypeFor[wire.Filter](), nil},
		{reflect.TypeFor[task.Tenant](), reflect.TypeFor[wire.Tenant](), nil},
		{reflect.TypeFor[task.FailureInfo](), reflect.TypeFor[wire.FailureInfo](), nil},
	} {
		members := membersOf(tt.members)
		for i := range tt.of.NumField() {
			name := wire.Field(tt.of.Field(i).Name)
			if !slices.Contains(members, name) && !slices.Contains(tt.without, name) {
				t.Errorf("%s.%s is no member of %s", tt.of, tt.of.Field(i).Name, tt.members)
			}
		}
	}
}

func membersOf(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// Every member of a request reaches a field of the type that it stands for.
func TestRequestsAreConverted(t *testing.T) {
	t.Parallel()
	var s wire.Spec
	var tuning wire.Tuning
	fill(reflect.ValueOf(&s).Elem())
	fill(reflect.ValueOf(&tuning).Elem())
	rules, _ := tuning.Plan()
	for _, converted := range []any{s.Plan(), rules} {
		if path := zeroField(reflect.ValueOf(converted), ""); path != "" {
			t.Errorf("%T: %s is not set", converted, path)
		}
	}
}

// fill sets every field.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"k": "v"}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(1)
	default:
		v.SetInt(1)
	}
}

// zeroField returns the path of a field that is not set, "" if all are. An IdempotencyKey is none
// of them: it comes from a header. Nor is a TenantSeq: it is a function.
func zeroField(v reflect.Value, path string) string {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if p := zeroField(v.Field(i), path+"."+v.Type().Field(i).Name); p != "" && !strings.HasSuffix(p, ".IdempotencyKey") && !strings.HasSuffix(p, ".TenantSeq") {
				return p
			}
		}
		return ""
	case reflect.Slice:
		if v.Len() > 0 {
			return zeroField(v.Index(v.Len()-1), path+"[]")
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return zeroField(v.Elem(), path)
		}
	default:
	}
	if v.IsZero() {
		return path
	}
	return ""
}
