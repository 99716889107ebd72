package plan

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/task"
)

// Spec is the content that a plan is created with.
type Spec struct {
	// Name is for people; 1 to [MaxName] bytes of UTF-8, and not only white space.
	Name string
	// Tenants are worked on in this order: 1 to task.MaxPerPlan, none twice.
	Tenants []task.Tenant
	// TenantSeq, in the place of Tenants, yields the tenants one by one, for instance rows of a
	// database, so that nobody has to hold a list of them. It has to yield the same tenants each
	// time that it is ranged over: once to check them, once to store them (a difference is a
	// *[SequenceError], and nothing is created) and, if some are the same, once to name them. Its
	// waves have sizes: to select by labels or ids takes a list.
	TenantSeq iter.Seq[task.Tenant] `json:"-"`
	// ExecutorType names the executor that does the work.
	ExecutorType string
	// Parameters are passed to the executor with every task.
	Parameters map[string]string
	// Annotations are notes for people and other systems: an owner, a ticket, the context of a
	// trace. Nothing depends on them, and they never change; a creation that is repeated with the
	// same key and other annotations finds the plan with its own.
	Annotations map[string]string
	// Strategy bounds the concurrency and the failures. The zero value means one task at a time,
	// and a stop at the first failure.
	Strategy strategy.Strategy
	// IdempotencyKey, if not empty, makes creation repeatable: creating the same content with the
	// same key again returns the plan that exists already. At most [MaxKey] bytes. The key is in
	// use as long as its plan exists.
	IdempotencyKey string
}

// Bounds of a [Spec].
const (
	MaxName = 256
	MaxKey  = 256
	// MaxParameters is the maximum number of bytes of all keys and values of one set of parameters
	// or labels.
	MaxParameters = 16 << 10
	// MaxAnnotations is the maximum number of bytes of all keys and values of the annotations.
	MaxAnnotations = 4 << 10

	// MaxFaults is the maximum number of faults that an [InvalidError] names.
	MaxFaults = 100
)

// Tenants returns tenants with these ids, without labels or parameters.
func Tenants(ids ...string) []task.Tenant {
	tenants := make([]task.Tenant, len(ids))
	for i, id := range ids {
		tenants[i].ID = id
	}
	return tenants
}

// ErrInvalid is matched by every *InvalidError.
var ErrInvalid = errors.New("plan: invalid")

// Fault is one thing that is wrong with one field.
type Fault = strategy.Fault

// InvalidError names the faults of what a caller gave: a spec, tenants to be added, a tuning or a
// filter. It matches [ErrInvalid].
type InvalidError struct {
	// Faults are the first [MaxFaults]; Total counts all of them.
	Faults []Fault
	Total  int
}

// Error names the first five faults and says how many there are.
func (e *InvalidError) Error() string {
	noun := "faults"
	if e.Total == 1 {
		noun = "fault"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v, %d %s", ErrInvalid, e.Total, noun)
	for i, f := range e.Faults {
		if i == 5 {
			fmt.Fprintf(&b, "; and %d more", e.Total-i)
			break
		}
		fmt.Fprintf(&b, "; %s", f)
	}
	return b.String()
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

func (e *InvalidError) add(field, format string, args ...any) {
	e.Total++
	if len(e.Faults) < MaxFaults {
		e.Faults = append(e.Faults, Fault{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
}

// Validate returns nil, or an *[InvalidError] with every fault but one: whether the windows ever
// open depends on the time, which [Spec.Arrange] takes. Which tenants the waves select is checked
// only if the tenants and the waves have no faults by themselves.
func (s Spec) Validate() error {
	var e InvalidError
	if s.arranged(&e); e.Total > 0 {
		return &e
	}
	return nil
}

// windows adds the faults of an error of package window.
func (e *InvalidError) windows(prefix string, err error) {
	var invalid *window.InvalidError
	if !errors.As(err, &invalid) {
		return
	}
	for _, f := range invalid.Faults {
		e.add(prefix+f.Field, "%s", f.Problem)
	}
	e.Total += invalid.Total - len(invalid.Faults)
}

// validate adds the faults of the spec but those of the arrangement of its tenants. It returns what
// it has found out about the tenants.
func (s Spec) validate(e *InvalidError) tally {
	e.text("Name", s.Name, MaxName, true)
	e.text("ExecutorType", s.ExecutorType, MaxName, true)
	e.text("IdempotencyKey", s.IdempotencyKey, MaxKey, false)
	e.dict("Parameters", s.Parameters, MaxParameters)
	e.dict("Annotations", s.Annotations, MaxAnnotations)
	for _, f := range s.Strategy.Faults() {
		e.add("Strategy."+f.Field, "%s", f.Problem)
	}
	return s.count(e)
}

// CheckTenants returns nil, or an *[InvalidError] with every fault of tenants that are to be added
// to a plan: none, too many, the same one twice, or ids, labels or parameters that make no sense.
func CheckTenants(tenants []task.Tenant) error {
	var e InvalidError
	if e.tenants(tenants); e.Total > 0 {
		return &e
	}
	return nil
}

// DuplicateTenants returns an *[InvalidError] for tenants that are already in the plan to which
// they are to be added. at are their places in the list.
func DuplicateTenants(tenants []task.Tenant, at []int) error {
	var e InvalidError
	for _, i := range at {
		e.add(tenantField(i), "tenant %.140q is in the plan already", tenants[i].ID)
	}
	return &e
}

func (e *InvalidError) text(field, s string, limit int, required bool) {
	switch {
	case s == "" && required:
		e.add(field, "is empty")
	case required && strings.TrimSpace(s) == "":
		e.add(field, "is blank")
	case len(s) > limit:
		e.add(field, "is %d bytes, the limit is %d", len(s), limit)
	case !utf8.ValidString(s):
		e.add(field, "is not UTF-8")
	}
}

func (e *InvalidError) dict(field string, m map[string]string, limit int) {
	size := 0
	for k, v := range m {
		size += len(k) + len(v)
		if k == "" {
			e.add(field, "has an empty key")
		}
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			e.add(field, "%.32q is not UTF-8", k)
		}
	}
	if size > limit {
		e.add(field, "are %d bytes, the limit is %d", size, limit)
	}
}

// Annotate returns s with more annotations; those of s stay as they are. If there are too many,
// or they are not UTF-8, it returns s as it is and an *[InvalidError].
func (s Spec) Annotate(more map[string]string) (Spec, error) {
	if len(more) == 0 {
		return s, nil
	}
	all := maps.Clone(more)
	maps.Copy(all, s.Annotations)
	var e InvalidError
	if e.dict("Annotations", all, MaxAnnotations); e.Total > 0 {
		return s, &e
	}
	s.Annotations = all
	return s, nil
}

func (e *InvalidError) tenants(tenants []task.Tenant) {
	switch n := len(tenants); {
	case n == 0:
		e.add("Tenants", "is empty")
		return
	case n > task.MaxPerPlan:
		e.add("Tenants", "has %d tenants, the limit is %d", n, task.MaxPerPlan)
		return
	}
	seen := newTenantSet(tenants)
	for i := range tenants {
		valid := plain(&tenants[i])
		if valid {
			if first, twice := seen.add(i); twice {
				e.add(tenantField(i), "tenant %.140q is already Tenants[%d]", tenants[i].ID, first)
			}
		}
		e.tenant("Tenants", i, &tenants[i], valid)
	}
}

// tenant adds the faults of the tenant at a place of a field, whose id is valid or not.
func (e *InvalidError) tenant(field string, i int, t *task.Tenant, valid bool) {
	if !valid {
		e.text(placeField(field, i)+".ID", t.ID, task.MaxTenantID, true)
	}
	if t.Labels != nil || t.Parameters != nil {
		e.dict(placeField(field, i)+".Labels", t.Labels, MaxParameters)
		e.dict(placeField(field, i)+".Parameters", t.Parameters, MaxParameters)
	}
}

// plain reports whether the tenant's id is valid.
func plain(t *task.Tenant) bool {
	return t.ID != "" && len(t.ID) <= task.MaxTenantID && utf8.ValidString(t.ID)
}

func tenantField(i int) string { return placeField("Tenants", i) }

func placeField(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }
