package ops

import (
	"errors"
	"slices"
	"strings"

	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
)

// spec reads a spec that the caller may create: as the request has it, and as package plan does.
// Who may create nothing at all is refused before anything is read.
func (c *call) spec() (w wire.Spec, spec plan.Spec, err error) {
	if !c.caller.May(Create, nil) {
		return w, spec, newProblem(codeForbidden)
	}
	f, err := c.decode(&w)
	if err != nil {
		return w, spec, err
	}
	if w.TenantIDs != nil && w.Tenants != nil {
		f.add("tenants", "is given together with tenantIds")
	}
	key := c.key(f)
	c.seen = c.version(f)
	c.noVersion(f)
	spec = w.Plan()
	spec.IdempotencyKey = key
	if f.total > 0 {
		f.addSpec(&w, spec)
		return w, spec, f.err()
	}
	content := plan.Plan{
		Name: spec.Name, ExecutorType: spec.ExecutorType, Parameters: spec.Parameters, Annotations: spec.Annotations,
		Strategy: spec.Strategy, TaskCount: len(spec.Tenants),
	}
	if !c.caller.May(Create, &content) {
		return w, spec, newProblem(codeForbidden)
	}
	return w, spec, nil
}

// addSpec adds the faults that the spec of a faulty request has beside those that are known, so
// that one answer names all of them. Of a field with a known fault it adds none: it was not read.
func (f *faults) addSpec(w *wire.Spec, spec plan.Spec) {
	known := f.list
	if anyOf(known, func(field string) bool { return field == w.Part() }) {
		return // the part that has the spec could not be read
	}
	if !anyOf(known, isOfTenants) {
		f.addOthers(w, known, plan.CheckTenants(spec.Tenants))
	}
	// Which tenants the waves select would be told of a part of them.
	spec.Tenants = nil
	var invalid *plan.InvalidError
	if errors.As(spec.Validate(), &invalid) {
		rest := slices.DeleteFunc(slices.Clone(invalid.Faults), func(one plan.Fault) bool { return one.Field == "Tenants" })
		f.addOthers(w, known, &plan.InvalidError{Faults: rest, Total: invalid.Total - len(invalid.Faults) + len(rest)})
	}
}

// addOthers adds the faults of an error of package plan, but those of fields with known ones.
func (f *faults) addOthers(w *wire.Spec, known []wire.Fault, err error) {
	var invalid *plan.InvalidError
	if !errors.As(err, &invalid) {
		return
	}
	f.total += invalid.Total - len(invalid.Faults)
	for _, one := range w.Faults(invalid.Faults) {
		if !anyOf(known, func(field string) bool { return within(field, one.Field) || within(one.Field, field) }) {
			f.append(1, one)
		}
	}
}

func anyOf(list []wire.Fault, is func(field string) bool) bool {
	for i := range list {
		if is(list[i].Field) {
			return true
		}
	}
	return false
}

// isOfTenants reports whether a field is one of the tenants.
func isOfTenants(field string) bool { return within("tenants", field) || within("tenantIds", field) }

// within reports whether a field is that one or a part of it.
func within(whole, field string) bool {
	rest, is := strings.CutPrefix(field, whole)
	return whole != "" && is && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
