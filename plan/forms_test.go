package plan_test

import (
	"encoding"
	"encoding/json"
	"errors"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// textual is a pointer to a type with text forms.
type textual[T any] interface {
	*T
	encoding.TextUnmarshaler
}

// checkForms checks the text forms of a type that has n values: every value is read back from JSON
// as it was written, and nothing else is read.
func checkForms[T interface {
	~uint8
	encoding.TextMarshaler
	String() string
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
	if text, err := T(n).MarshalText(); !errors.Is(err, plan.ErrText) {
		t.Errorf("a %s that does not exist is written %s: %v", kind, text, err)
	}
	for _, text := range []string{" ", "nothing", T(0).String() + " ", "Kind(200)", "hand,breach"} {
		kept := T(n)
		err := P(&kept).UnmarshalText([]byte(text))
		var e *plan.TextError
		if !errors.As(err, &e) || e.Type != kind || len(e.Allowed) == 0 || kept != T(n) {
			t.Errorf("%s %q is read as %d: %v", kind, text, kept, err)
		}
	}
}

func TestTextForms(t *testing.T) {
	t.Parallel()
	checkForms(t, "plan state", plan.NumStates, plan.ParseState)
	checkForms(t, "plan cause", int(plan.ByNote)+1, plan.ParseCause)
	checkForms(t, "reason code", plan.NumReasons, plan.ParseReasonCode)
	checkForms(t, "gate", plan.NumGates, plan.ParseGate)
	checkForms(t, "kind of sweep", plan.NumSweepKinds, plan.ParseSweepKind)
	checkForms(t, "reason for a pause", 2*int(plan.PausedByRejection), plan.ParsePauseReasons)
}

func TestGateNames(t *testing.T) {
	t.Parallel()
	for i, want := range []string{"none", "baked", "approval", "Gate(3)"} {
		if got := plan.Gate(i).String(); got != want {
			t.Errorf("gate %d is %s, want %s", i, got, want)
		}
	}
}

// A plan that has no reason to be paused has an empty text, and each set of reasons one text only.
func TestPauseReasonsHaveOneText(t *testing.T) {
	t.Parallel()
	if r, err := plan.ParsePauseReasons(""); r != 0 || err != nil {
		t.Errorf("no text is %s: %v", r, err)
	}
	for _, text := range []string{"breach, hand", "hand, hand", "hand, ", ", hand", "hand,breach", "hand, other"} {
		if r, err := plan.ParsePauseReasons(text); !errors.Is(err, plan.ErrText) || r != 0 {
			t.Errorf("%q is %s: %v", text, r, err)
		}
	}
}

func FuzzParsePauseReasons(f *testing.F) {
	for _, text := range []string{"", "hand", "hand, breach, rejected", "breach, hand", ","} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := plan.ParsePauseReasons(text)
		switch {
		case err == nil && r.String() != text:
			t.Errorf("%q is parsed as %s", text, r)
		case err != nil && r != 0:
			t.Errorf("%q is parsed as %s beside an error", text, r)
		}
	})
}

func TestParseID(t *testing.T) {
	t.Parallel()
	if id, err := plan.ParseID("7"); id != 7 || err != nil {
		t.Errorf("%s: %v", id, err)
	}
	if _, err := plan.ParseID(task.NewID(task.MaxPlanID, 1).String()); !errors.Is(err, plan.ErrText) {
		t.Errorf("a task's id is a plan's: %v", err)
	}
}
