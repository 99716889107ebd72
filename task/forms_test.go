package task_test

import (
	"encoding"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/task"
)

// textual is a pointer to a type with text forms.
type textual[T any] interface {
	*T
	encoding.TextUnmarshaler
}

// form is a value with its text.
type form interface {
	encoding.TextMarshaler
	String() string
}

// checkForms checks the text forms of a type that has n values: every value is read back from JSON
// as it was written, and nothing else is read.
func checkForms[T interface {
	~uint8
	form
}, P textual[T]](t *testing.T, kind string, n int, parse func(string) (T, error)) {
	t.Helper()
	for i := range n {
		v := T(i)
		text, err := json.Marshal(v)
		if err != nil || string(text) != `"`+v.String()+`"` {
			t.Errorf("%s %d is written %s: %v", kind, i, text, err)
		}
		read := T(n)
		if err := json.Unmarshal(text, P(&read)); err != nil || read != v {
			t.Errorf("%s %s is read as %d: %v", kind, text, read, err)
		}
		if got, err := parse(v.String()); err != nil || got != v {
			t.Errorf("%s %s is parsed as %d: %v", kind, v, got, err)
		}
	}
	if text, err := T(n).MarshalText(); !errors.Is(err, task.ErrText) {
		t.Errorf("a %s that does not exist is written %s: %v", kind, text, err)
	}
	for _, text := range []string{"", " ", "nothing", strings.ToLower(T(0).String()) + "X", T(0).String() + " ", T(n).String()} {
		got, err := parse(text)
		var e *task.TextError
		if !errors.As(err, &e) || e.Type != kind || len(e.Allowed) != n || got != 0 {
			t.Errorf("%s %q is parsed as %d: %v", kind, text, got, err)
		}
		kept := T(n)
		if err := P(&kept).UnmarshalText([]byte(text)); !errors.Is(err, task.ErrText) || kept != T(n) {
			t.Errorf("%s %q is read as %d: %v", kind, text, kept, err)
		}
	}
}

func TestTextForms(t *testing.T) {
	t.Parallel()
	checkForms(t, "task state", task.NumStates, task.ParseState)
	checkForms(t, "task cause", len(causes()), task.ParseCause)
	checkForms(t, "reason to wait", int(task.WaitPlace)+1, task.ParseWaitReason)
	checkForms(t, "task request", int(task.StartRequest)+1, task.ParseRequest)
	checkForms(t, "task stop", int(task.StopCancel)+1, task.ParseStop)
	checkForms(t, "retry start", int(task.FromScratch)+1, task.ParseRetryFrom)
}

// Ids are numbers in JSON, although they can be parsed from text.
func TestIDsAreNumbers(t *testing.T) {
	t.Parallel()
	ids := struct {
		Plan task.PlanID
		Task task.ID
	}{7, task.NewID(7, 3)}
	if text, err := json.Marshal(ids); err != nil || string(text) != `{"Plan":7,"Task":7000003}` {
		t.Errorf("%s: %v", text, err)
	}
}

func TestParsePlanID(t *testing.T) {
	t.Parallel()
	for _, id := range []task.PlanID{1, 7, task.MaxPlanID} {
		if got, err := task.ParsePlanID(id.String()); err != nil || got != id {
			t.Errorf("%s is parsed as %s: %v", id, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "+1", "01", " 1", "1 ", "1_0", "0x1", "9007199254", "99999999999999999999"} {
		got, err := task.ParsePlanID(text)
		var e *task.TextError
		if !errors.As(err, &e) || len(e.Allowed) != 1 || got != 0 {
			t.Errorf("%q is parsed as %s: %v", text, got, err)
		}
	}
}

// FuzzParsePlanID checks that an id has only one spelling.
func FuzzParsePlanID(f *testing.F) {
	for _, text := range []string{"1", "9007199253", "+1", "01", "", "-5"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := task.ParsePlanID(text)
		switch {
		case err == nil && (id.String() != text || !id.Valid()):
			t.Errorf("%q is parsed as %s, valid %t", text, id, id.Valid())
		case err != nil && id != 0:
			t.Errorf("%q is parsed as %s beside an error", text, id)
		}
	})
}
