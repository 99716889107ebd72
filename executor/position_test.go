package executor

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/cutover-go/cutover/checkpoint"
)

type fuzzState struct {
	Tenant string         `json:"tenant,omitempty"`
	Weight int            `json:"weight,omitempty"`
	Extra  map[string]any `json:"extra,omitempty"`
}

// FuzzParse checks that no checkpoint makes the decoder panic, and that a checkpoint that it
// accepts can be written and read again without loss.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"completedSteps":[]}`,
		`{"completedSteps":["A","B"],"failedStep":"C","tenant":"acme","weight":5}`,
		`{"completedSteps":["A"],"undoneSteps":["B"],"extra":{"a":[1,null]}}`,
		`{"completedSteps":null}`, `{"COMPLETEDSTEPS":["A"]}`, `null`, `[]`, `7`, `{`, ``,
		`{"completedSteps":["A"],"completedSteps":[],"tenant":3}`,
		`{"completedSteps":["A"],"unknown":{"a":1},"TENANT":"x","Tenant":"y","":0,"beforeStep":"B"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, state, err := parse[fuzzState](data)
		if err != nil {
			if !errors.Is(err, checkpoint.ErrCorrupt) {
				t.Fatalf("parse: %v", err)
			}
			return
		}
		joined, err := p.join(state.raw)
		if err != nil || !json.Valid(joined) {
			t.Fatalf("join: %s, %v", joined, err)
		}
		p2, state2, err := parse[fuzzState](joined)
		if err != nil || !sameNames(p.Completed, p2.Completed) || !sameNames(p.Undone, p2.Undone) || !reflect.DeepEqual(state.raw, state2.raw) {
			t.Fatalf("%s\ncame back as %+v %s, %v", joined, p2, state2.raw, err)
		}
	})
}

func sameNames(a, b []string) bool {
	return len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
}

type text string

func (t text) MarshalText() ([]byte, error) { return []byte(t), nil }

func TestAStateThatIsNoObjectIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := encodeState(text("x")); !errors.Is(err, checkpoint.ErrInvalid) {
		t.Errorf("encodeState: %v", err)
	}
}
