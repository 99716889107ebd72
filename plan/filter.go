package plan

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/cutover-go/cutover/task"
)

// CheckFilter returns nil, or an *[InvalidError] with every fault of a filter for tasks of the
// plan: a value that does not exist or is given twice, a wave that the plan does not have, and
// values that are too many or too long.
func (c *Control) CheckFilter(f task.Filter) error {
	var e InvalidError
	if c.filter(&e, &f); e.Total > 0 {
		return &e
	}
	return nil
}

func (c *Control) filter(e *InvalidError, f *task.Filter) {
	values(e, "States", f.States, func(s task.State) string {
		if int(s) >= task.NumStates {
			return fmt.Sprintf("is %d, which is no state", uint8(s))
		}
		return ""
	})
	values(e, "Codes", f.Codes, filterText)
	values(e, "Steps", f.Steps, filterText)
	values(e, "Waves", f.Waves, func(wave int) string {
		if wave >= 1 && wave <= len(c.Waves) {
			return ""
		}
		return fmt.Sprintf("is %d, %s", wave, c.wavesThere())
	})
	if n := len(f.Labels); n > task.MaxFilterValues {
		e.add("Labels", "has %d labels, the limit is %d", n, task.MaxFilterValues)
	}
	for _, k := range slices.Sorted(maps.Keys(f.Labels)) {
		switch v := f.Labels[k]; {
		case k == "":
			e.add("Labels", "has an empty name")
		case !utf8.ValidString(k) || !utf8.ValidString(v):
			e.add("Labels", "%.32q is not UTF-8", k)
		}
	}
	e.text("Tenant", f.Tenant, task.MaxTenantID, false)
	if n := filterSize(f); n > task.MaxFilterSize {
		e.add("Filter", "has %d bytes of text, the limit is %d", n, task.MaxFilterSize)
	}
}

// values adds the faults of one field of a filter. wrong says what is wrong with a value.
func values[T comparable](e *InvalidError, field string, list []T, wrong func(T) string) {
	if len(list) > task.MaxFilterValues {
		e.add(field, "has %d values, the limit is %d", len(list), task.MaxFilterValues)
		return
	}
	for i, v := range list {
		name := fmt.Sprintf("%s[%d]", field, i)
		if first := slices.Index(list, v); first < i {
			e.add(name, "is %s[%d] again", field, first)
		} else if problem := wrong(v); problem != "" {
			e.add(name, "%s", problem)
		}
	}
}

func filterText(s string) string {
	switch {
	case s == "":
		return "is empty"
	case !utf8.ValidString(s):
		return "is not UTF-8"
	}
	return ""
}

// filterSize returns the number of bytes of the texts of a filter.
func filterSize(f *task.Filter) int {
	n := len(f.Tenant)
	for _, s := range slices.Concat(f.Codes, f.Steps) {
		n += len(s)
	}
	for k, v := range f.Labels {
		n += len(k) + len(v)
	}
	return n
}

// Selects reports whether a filter selects a task of the plan.
func (c *Control) Selects(f *task.Filter, t *task.Task) bool {
	return (len(f.Waves) == 0 || slices.Contains(f.Waves, c.WaveOf(t.ID.Ordinal()))) && f.Matches(t)
}
