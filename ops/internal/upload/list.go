package upload

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cutover-go/cutover/ops/internal/strictjson"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// list collects tenants and the faults of their lines.
type list struct {
	wire.Uploaded
	Faults
	part string
	// lineOf has the line of each id.
	lineOf map[string]int32
	// labels and parameters are those that tenants share.
	labels, parameters shared
}

// Faults are the first strictjson.MaxFaults faults, and the number of all.
type Faults struct {
	List  []wire.Fault
	Total int
}

// Add adds a fault.
func (f *Faults) Add(one wire.Fault) {
	if f.Total++; len(f.List) < strictjson.MaxFaults {
		f.List = append(f.List, one)
	}
}

// fault adds a fault of a line. at is the place in it, empty for all of it.
func (l *list) fault(line int, at, format string, args ...any) {
	field := l.part
	if at != "" {
		field += "." + at
	}
	l.Add(wire.Fault{Field: field, Problem: fmt.Sprintf(format, args...), Line: line})
}

// add adds a tenant. It reports whether there may be more.
func (l *list) add(line int, t task.Tenant) bool {
	l.check(line, &t)
	if len(l.Tenants) == task.MaxPerPlan {
		l.fault(line, "", "is one more tenant than the limit of %d", task.MaxPerPlan)
		return false
	}
	if l.Total == 0 { // otherwise nobody will have them
		t.Labels, t.Parameters = l.labels.of(t.Labels), l.parameters.of(t.Parameters)
		l.Tenants = append(l.Tenants, t)
		l.Lines = append(l.Lines, int32(line)) //nolint:gosec // a body has fewer lines
	}
	return true
}

// check adds the faults of a tenant.
func (l *list) check(line int, t *task.Tenant) {
	if first, is := l.lineOf[t.ID]; is {
		l.fault(line, "id", "is %.140q, which is in line %d already", t.ID, first)
	} else if t.ID != "" && len(t.ID) <= task.MaxTenantID && len(l.lineOf) < task.MaxPerPlan {
		l.lineOf[t.ID] = int32(line) //nolint:gosec // a body has fewer lines
	}
	var invalid *plan.InvalidError
	if !errors.As(plan.CheckTenants([]task.Tenant{*t}), &invalid) {
		return
	}
	for _, f := range invalid.Faults {
		l.fault(line, wire.Field(strings.TrimPrefix(f.Field, "Tenants[0].")), "%s", f.Problem)
	}
	l.Total += invalid.Total - len(invalid.Faults)
}

// header are the names of the column that has the id.
//
//nolint:gochecknoglobals // a constant table
var header = []string{"id", "tenant", "tenantId", "tenant_id"}

// isID reports whether a cell of a header names the column that has the id.
func isID(cell string) bool {
	for _, name := range header {
		if strings.EqualFold(cell, name) {
			return true
		}
	}
	return false
}
