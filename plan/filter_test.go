package plan_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// withWaves returns a plan whose waves end with these ordinals.
func withWaves(lasts ...int) plan.Plan {
	p := plan.Plan{ID: 7}
	for _, last := range lasts {
		p.Waves, p.TaskCount = append(p.Waves, plan.Wave{Last: last}), last
	}
	return p
}

// A filter that makes no sense is refused with every fault.
func TestFilterFaults(t *testing.T) {
	t.Parallel()
	many := func(n int) (list []string) {
		for i := range n {
			list = append(list, strings.Repeat("x", i+1))
		}
		return list
	}
	waves := withWaves(2, 5)
	for name, tt := range map[string]struct {
		filter task.Filter
		of     plan.Plan
		want   []string
	}{
		"none": {task.Filter{}, waves, nil},
		"a sound one": {task.Filter{
			States: []task.State{task.Failed}, Codes: []string{"A"}, Steps: []string{"S"}, Waves: []int{1, 2},
			Labels: map[string]string{"region": ""}, Tenant: "eu-",
		}, waves, nil},
		"states": {task.Filter{States: []task.State{task.Failed, 99, task.Failed}}, waves, []string{
			"States[1]: is 99, which is no state", "States[2]: is States[0] again",
		}},
		"texts": {task.Filter{Codes: []string{"", "A", "A"}, Steps: []string{"\xff"}, Tenant: "\xff"}, waves, []string{
			"Codes[0]: is empty", "Codes[2]: is Codes[1] again", "Steps[0]: is not UTF-8", "Tenant: is not UTF-8",
		}},
		"waves": {task.Filter{Waves: []int{0, 2, 3, -1, 2}}, waves, []string{
			"Waves[0]: is 0, the plan has the waves 1 to 2", "Waves[2]: is 3, the plan has the waves 1 to 2",
			"Waves[3]: is -1, the plan has the waves 1 to 2", "Waves[4]: is Waves[1] again",
		}},
		"a wave of none": {task.Filter{Waves: []int{1}}, plan.Plan{}, []string{"Waves[0]: is 1, the plan has no waves"}},
		"labels": {task.Filter{Labels: map[string]string{"": "x", "a": "\xff"}}, waves, []string{
			"Labels: has an empty name", `Labels: "a" is not UTF-8`,
		}},
		"too many":  {task.Filter{Codes: many(65)}, waves, []string{"Codes: has 65 values, the limit is 64"}},
		"too long":  {task.Filter{Tenant: strings.Repeat("t", 129)}, waves, []string{"Tenant: is 129 bytes, the limit is 128"}},
		"too large": {task.Filter{Steps: many(64), Codes: many(64)}, waves, []string{"Filter: has 4160 bytes of text, the limit is 4096"}},
	} {
		err := tt.of.CheckFilter(tt.filter)
		var got []string
		var invalid *plan.InvalidError
		if errors.As(err, &invalid) {
			for _, f := range invalid.Faults {
				got = append(got, f.Field+": "+f.Problem)
			}
		}
		if !reflect.DeepEqual(got, tt.want) || errors.Is(err, plan.ErrInvalid) != (tt.want != nil) {
			t.Errorf("%s: %v, faults %q", name, err, got)
		}
	}
}

// The ranges of a filter cover exactly the waves that it selects, in order, from any ordinal on.
func TestRangesCoverTheWaves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var lasts []int
		last := 0
		for range rapid.IntRange(0, 5).Draw(rt, "waves") {
			last += rapid.IntRange(1, 4).Draw(rt, "size")
			lasts = append(lasts, last)
		}
		p := withWaves(lasts...)
		if len(lasts) == 0 {
			p.TaskCount = rapid.IntRange(1, 9).Draw(rt, "tasks")
		}
		var f task.Filter
		for wave := range lasts {
			if rapid.Bool().Draw(rt, "selected") {
				f.Waves = append([]int{wave + 1}, f.Waves...)
			}
		}
		after := rapid.IntRange(0, p.TaskCount).Draw(rt, "after")
		var want, got []int
		for o := after + 1; o <= p.TaskCount; o++ {
			if p.Selects(&f, &task.Task{ID: task.NewID(p.ID, o)}) {
				want = append(want, o)
			}
		}
		for at, calls := after, 0; ; calls++ {
			from, to, more := (&plan.Sweep{Filter: f}).Range(&p, at)
			if !more {
				break
			}
			if from < at || to <= from || calls > len(lasts) {
				rt.Fatalf("after %d it looks from %d to %d", at, from, to)
			}
			for o := from + 1; o <= to; o++ {
				got = append(got, o)
			}
			at = to
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("it looks at %v, want %v", got, want)
		}
	})
}
