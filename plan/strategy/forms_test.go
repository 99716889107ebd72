package strategy_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/cutover-go/cutover/plan/strategy"
)

// forms has a value of each type with a text form.
type forms struct {
	Action strategy.Action
	Mode   strategy.ConcurrencyMode
	Amount strategy.Amount
}

func TestTextForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]forms{
		`{"Action":"Stop","Mode":"Soft","Amount":""}`:            {},
		`{"Action":"Pause","Mode":"Strict","Amount":"5"}`:        {strategy.Pause, strategy.Strict, strategy.Count(5)},
		`{"Action":"RollbackPlan","Mode":"Soft","Amount":"10%"}`: {Action: strategy.RollbackPlan, Amount: strategy.Percent(10)},
	} {
		written, err := json.Marshal(want)
		if err != nil || string(written) != text {
			t.Errorf("written %s, want %s: %v", written, text, err)
		}
		var read forms
		if err := json.Unmarshal([]byte(text), &read); err != nil || read != want {
			t.Errorf("%s is read as %+v: %v", text, read, err)
		}
	}
}

func TestTextFormsRefuse(t *testing.T) {
	t.Parallel()
	before := forms{strategy.Pause, strategy.Strict, strategy.Count(5)}
	for _, text := range []string{`{"Action":"stop"}`, `{"Action":""}`, `{"Mode":"strict"}`, `{"Mode":""}`, `{"Amount":"x"}`, `{"Amount":"101%"}`} {
		read := before
		err := json.Unmarshal([]byte(text), &read)
		var e *strategy.TextError
		if !errors.As(err, &e) || !errors.Is(err, strategy.ErrInvalid) || len(e.Allowed) < 2 || read != before {
			t.Errorf("%s is read as %+v: %v", text, read, err)
		}
	}
	for _, f := range []forms{{Action: 4}, {Mode: 2}, {Amount: strategy.Percent(101)}, {Amount: strategy.Count(-1)}, {Amount: strategy.Amount{N: 1}}} {
		if text, err := json.Marshal(f); !errors.Is(err, strategy.ErrInvalid) {
			t.Errorf("%+v is written %s: %v", f, text, err)
		}
	}
}
