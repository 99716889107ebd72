package task

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Filter selects tasks of a plan. A task is selected if it fulfils each field that is set; of a
// list, one of the values. The zero Filter selects all tasks.
type Filter struct {
	// States are states of the task.
	States []State
	// Codes are error codes, and Steps names of steps, of the failure that the task has.
	Codes, Steps []string
	// Waves are numbers of waves, from 1.
	Waves []int
	// Labels are labels that the tenant has, all of them with these values.
	Labels map[string]string
	// Tenant is the beginning of the tenant's id: "acme" selects acme, acme-2 and acmeco.
	Tenant string
}

// Bounds of a [Filter], so that plans can store it.
const (
	// MaxFilterValues is the maximum number of values of each field.
	MaxFilterValues = 64
	// MaxFilterSize is the maximum number of bytes of all texts.
	MaxFilterSize = 4 << 10
)

// IsZero reports whether the filter selects all tasks.
func (f *Filter) IsZero() bool { return len(f.Waves) == 0 && f.OnlyStates() && len(f.States) == 0 }

// OnlyStates reports whether the filter selects tasks by nothing but their states and waves.
func (f *Filter) OnlyStates() bool {
	return len(f.Codes)+len(f.Steps)+len(f.Labels)+len(f.Tenant) == 0
}

// Matches reports whether t fulfils all fields but Waves: which wave t belongs to only its plan
// knows. See plan.Control.Selects.
func (f *Filter) Matches(t *Task) bool {
	if len(f.States) > 0 && !slices.Contains(f.States, t.State) || !strings.HasPrefix(t.Tenant.ID, f.Tenant) {
		return false
	}
	if len(f.Codes)+len(f.Steps) > 0 {
		of := t.Failure
		if of == nil || len(f.Codes) > 0 && !slices.Contains(f.Codes, of.ErrorCode) || len(f.Steps) > 0 && !slices.Contains(f.Steps, of.Step) {
			return false
		}
	}
	for label, want := range f.Labels {
		if got, has := t.Tenant.Labels[label]; !has || got != want {
			return false
		}
	}
	return true
}

// Clone returns a copy that shares no memory with f, in which empty fields are nil.
func (f *Filter) Clone() Filter {
	c := Filter{
		States: slices.Concat(f.States), Codes: slices.Concat(f.Codes), Steps: slices.Concat(f.Steps),
		Waves: slices.Concat(f.Waves), Tenant: f.Tenant,
	}
	if len(f.Labels) > 0 {
		c.Labels = maps.Clone(f.Labels)
	}
	return c
}

// String describes the filter to people, for instance "state FAILED, code GATEWAY_TIMEOUT".
func (f *Filter) String() string {
	var parts []string
	list := func(name string, values ...string) {
		if len(values) > 0 {
			parts = append(parts, name+" "+strings.Join(values, " or "))
		}
	}
	list("state", words(f.States)...)
	list("code", f.Codes...)
	list("step", f.Steps...)
	list("wave", words(f.Waves)...)
	for _, label := range slices.Sorted(maps.Keys(f.Labels)) {
		list("label", label+"="+f.Labels[label])
	}
	if f.Tenant != "" {
		list("tenant", f.Tenant+"...")
	}
	if len(parts) == 0 {
		return "all tasks"
	}
	return strings.Join(parts, ", ")
}

func words[T any](values []T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = fmt.Sprint(v)
	}
	return list
}
