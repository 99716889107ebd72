package executor

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/cutover-go/cutover/checkpoint"
)

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("executor: invalid steps")

// InvalidError lists every fault of the steps passed to [NewSteps]. It matches [ErrInvalid].
type InvalidError struct {
	Faults []string
}

func (e *InvalidError) Error() string {
	return "executor: invalid steps: " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

func (x *Steps[S]) faults() []string {
	faults := stateFaults[S]()
	if len(x.steps) == 0 {
		faults = append(faults, "there are none")
	}
	if len(x.steps) > checkpoint.MaxUndoEntries {
		faults = append(faults, fmt.Sprintf("there are more than %d", checkpoint.MaxUndoEntries))
	}
	taken := map[string]int{}
	for i, s := range x.steps {
		found := s.faults()
		for _, name := range s.names() {
			if by, ok := taken[name]; ok && by != i && name != "" {
				found = append(found, fmt.Sprintf("its name %q is also step %d's", name, by+1))
			}
			taken[name] = i
		}
		for _, fault := range found {
			faults = append(faults, fmt.Sprintf("step %d (%s): %s", i+1, s.Name, fault))
		}
	}
	return faults
}

// names returns the names under which the step's checkpoints are saved.
func (s Step[S]) names() []string { return []string{s.Name, s.Done, UndoPrefix + s.Name} }

func (s Step[S]) faults() []string {
	var faults []string
	if s.Name == "" {
		faults = append(faults, "it has no name")
	}
	for _, name := range []string{s.Name, s.Done, s.Action} {
		if len(UndoPrefix)+len(name) > checkpoint.MaxStepName || !utf8.ValidString(name) {
			faults = append(faults, fmt.Sprintf("its name %.16q is too long or not UTF-8", name))
		}
	}
	if s.Do == nil {
		faults = append(faults, "Do is missing")
	}
	if s.Timeout < 0 {
		faults = append(faults, "Timeout is negative")
	}
	return append(faults, s.Retry.faults()...)
}

// stateFaults returns why an S cannot share a JSON object with a position. It tries out whether an
// S accepts the reserved members.
func stateFaults[S any]() []string {
	t := reflect.TypeFor[S]()
	if t.Kind() != reflect.Struct {
		return []string{fmt.Sprintf("the state is a %s, not a struct", t)}
	}
	var faults []string
	for _, form := range []struct {
		method string
		of     reflect.Type
	}{
		{"an UnmarshalJSON", reflect.TypeFor[json.Unmarshaler]()},
		{"a MarshalJSON", reflect.TypeFor[json.Marshaler]()},
		{"an UnmarshalText", reflect.TypeFor[encoding.TextUnmarshaler]()},
		{"a MarshalText", reflect.TypeFor[encoding.TextMarshaler]()},
	} {
		if reflect.PointerTo(t).Implements(form.of) {
			faults = append(faults, fmt.Sprintf("the state %s has %s of its own; put it into a field", t, form.method))
		}
	}
	if len(faults) > 0 {
		return faults
	}
	for _, reserved := range reservedMembers() {
		d := json.NewDecoder(strings.NewReader(fmt.Sprintf(`{%q:null}`, reserved)))
		d.DisallowUnknownFields()
		if d.Decode(new(S)) == nil {
			faults = append(faults, fmt.Sprintf("the state %s has a field %s, which is taken", t, reserved))
		}
	}
	return faults
}
