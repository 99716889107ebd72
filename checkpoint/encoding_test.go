package checkpoint_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/checkpoint"
)

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stored string
		want   error
	}{
		"nothing":                      {"", checkpoint.ErrCorrupt},
		"no version":                   {"SWITCHED", checkpoint.ErrCorrupt},
		"empty version":                {":1:A{}", checkpoint.ErrCorrupt},
		"version 0":                    {"0:1:A{}", checkpoint.ErrCorrupt},
		"version with a leading zero":  {"01:1:A{}", checkpoint.ErrCorrupt},
		"version with a sign":          {"+2:1:A{}", checkpoint.ErrCorrupt},
		"version of letters":           {"one:1:A{}", checkpoint.ErrCorrupt},
		"next version":                 {"2:1:A{}", checkpoint.ErrVersion},
		"next version of another form": {"2:whatever it may be", checkpoint.ErrVersion},
		"far version":                  {"65535:1:A{}", checkpoint.ErrVersion},
		"version only":                 {"1:", checkpoint.ErrCorrupt},
		"no length":                    {"1::A{}", checkpoint.ErrCorrupt},
		"length of letters":            {"1:one:A{}", checkpoint.ErrCorrupt},
		"negative length":              {"1:-1:A{}", checkpoint.ErrCorrupt},
		"length with a sign":           {"1:+1:A{}", checkpoint.ErrCorrupt},
		"length with a leading zero":   {"1:01:A{}", checkpoint.ErrCorrupt},
		"length past the end":          {"1:4:A{}", checkpoint.ErrCorrupt},
		"length of ten digits":         {"1:1000000000:A{}", checkpoint.ErrCorrupt},
		"length over the word":         {"1:99999999999999999999:A{}", checkpoint.ErrCorrupt},
		"empty step":                   {"1:0:{}", checkpoint.ErrCorrupt},
		"no data":                      {"1:1:A", checkpoint.ErrCorrupt},
		"data cut short":               {"1:1:A{\"a\":", checkpoint.ErrCorrupt},
		"data twice":                   {"1:1:A{}{}", checkpoint.ErrCorrupt},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := checkpoint.Parse([]byte(tt.stored))
			if !errors.Is(err, tt.want) {
				t.Errorf("Parse(%q) = %v, want %v", tt.stored, err, tt.want)
			}
			if !reflect.DeepEqual(got, checkpoint.Checkpoint{}) {
				t.Errorf("Parse(%q) returned %+v beside its error", tt.stored, got)
			}
		})
	}
}

func TestParseUndoRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stored string
		want   error
	}{
		"no version":      {"A", checkpoint.ErrCorrupt},
		"next version":    {"2:", checkpoint.ErrVersion},
		"step only":       {"1:1:A", checkpoint.ErrCorrupt},
		"no data":         {"1:1:A0:", checkpoint.ErrCorrupt},
		"data cut short":  {"1:1:A4:nul", checkpoint.ErrCorrupt},
		"data no JSON":    {"1:1:A3:nul", checkpoint.ErrCorrupt},
		"empty step":      {"1:0:4:null", checkpoint.ErrCorrupt},
		"rest":            {"1:1:A4:nullB", checkpoint.ErrCorrupt},
		"step twice":      {"1:1:A4:null1:A4:true", checkpoint.ErrCorrupt},
		"too many":        {"1:" + undoEntries(checkpoint.MaxUndoEntries+1), checkpoint.ErrCorrupt},
		"second one cut":  {"1:1:A4:null1:B", checkpoint.ErrCorrupt},
		"length too long": {"1:1:A999999999:null", checkpoint.ErrCorrupt},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := checkpoint.ParseUndo([]byte(tt.stored))
			if !errors.Is(err, tt.want) || got != nil {
				t.Errorf("ParseUndo(%q) = %v, %v, want %v", tt.stored, got, err, tt.want)
			}
		})
	}
}

func TestParseUndoBounds(t *testing.T) {
	t.Parallel()
	if got, err := checkpoint.ParseUndo(nil); got != nil || err != nil {
		t.Errorf("ParseUndo(nil) = %v, %v, want an empty log", got, err)
	}
	full := "1:" + undoEntries(checkpoint.MaxUndoEntries)
	if got, err := checkpoint.ParseUndo([]byte(full)); err != nil || len(got) != checkpoint.MaxUndoEntries {
		t.Errorf("ParseUndo of a full log = %d entries, %v", len(got), err)
	}
}

// undoEntries returns n stored entries with different steps.
func undoEntries(n int) string {
	var b strings.Builder
	for i := range n {
		step := strconv.Itoa(i)
		b.WriteString(strconv.Itoa(len(step)) + ":" + step + "4:null")
	}
	return b.String()
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	c := checkpoint.Checkpoint{Step: "A", Data: json.RawMessage(`1`)}
	if got, want := string(c.Append([]byte("before "))), "before 1:1:A1"; got != want {
		t.Errorf("Append = %q, want %q", got, want)
	}
	l := checkpoint.UndoLog{{Step: "A", Data: json.RawMessage(`1`)}}
	if got, want := string(l.Append([]byte("before "))), "before 1:1:A1:1"; got != want {
		t.Errorf("Append = %q, want %q", got, want)
	}
}

// A caller that appends to what Parse returned must not write into the entry
// that follows it in the stored bytes.
func TestParsedDataEndsWithItself(t *testing.T) {
	t.Parallel()
	stored := []byte("1:1:A1:11:B1:2")
	log, err := checkpoint.ParseUndo(stored)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(log[0].Data, "overwritten"...)
	if want := "1:1:A1:11:B1:2"; string(stored) != want {
		t.Errorf("stored bytes became %q", stored)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := checkpoint.Checkpoint{Step: genStep().Draw(t, "step"), Data: genData().Draw(t, "data")}
		got, err := checkpoint.Parse(want.Append(nil))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v came back as %+v, %v", want, got, err)
		}
	})
}

func TestUndoRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var want checkpoint.UndoLog
		for _, step := range rapid.SliceOfNDistinct(genStep(), 0, 20, rapid.ID[string]).Draw(t, "steps") {
			want = append(want, checkpoint.Undo{Step: step, Data: genData().Draw(t, "data")})
		}
		got, err := checkpoint.ParseUndo(want.Append(nil))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v came back as %+v, %v", want, got, err)
		}
	})
}

func genStep() *rapid.Generator[string] {
	return rapid.StringN(1, -1, checkpoint.MaxStepName)
}

func genData() *rapid.Generator[json.RawMessage] {
	return rapid.Custom(func(t *rapid.T) json.RawMessage {
		var value any
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
		case 1:
			value = rapid.String().Draw(t, "text")
		case 2:
			value = rapid.SliceOf(rapid.Int()).Draw(t, "list")
		case 3:
			value = rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "object")
		}
		data, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return data
	})
}
