package checkpoint_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/checkpoint"
)

// text returns a JSON string of exactly n bytes.
func text(n int) json.RawMessage {
	return json.RawMessage(`"` + strings.Repeat("x", n-2) + `"`)
}

// limitCase is a checkpoint or undo entry at one side of a bound.
type limitCase struct {
	limits checkpoint.Limits
	step   string
	data   json.RawMessage
	want   error
}

func commonLimitCases() map[string]limitCase {
	var none checkpoint.Limits
	longest := strings.Repeat("S", checkpoint.MaxStepName)
	return map[string]limitCase{
		"plain":              {none, "A", text(10), nil},
		"null":               {none, "A", json.RawMessage("null"), nil},
		"no step":            {none, "", text(10), checkpoint.ErrInvalid},
		"step of 128 bytes":  {none, longest, text(10), nil},
		"step of 129 bytes":  {none, longest + "S", text(10), checkpoint.ErrTooLarge},
		"long step in runes": {none, strings.Repeat("切", 43), text(10), checkpoint.ErrTooLarge},
		"step not UTF-8":     {none, "A\xff", text(10), checkpoint.ErrInvalid},
		"nil data":           {none, "A", nil, checkpoint.ErrInvalid},
		"empty data":         {none, "A", json.RawMessage{}, checkpoint.ErrInvalid},
		"data not JSON":      {none, "A", json.RawMessage("{"), checkpoint.ErrInvalid},
	}
}

func TestLimitsCheck(t *testing.T) {
	t.Parallel()
	tests := commonLimitCases()
	tests["data of 64 KiB"] = limitCase{checkpoint.Limits{}, "A", text(64 << 10), nil}
	tests["data over 64 KiB"] = limitCase{checkpoint.Limits{}, "A", text(64<<10 + 1), checkpoint.ErrTooLarge}
	tests["data at its own limit"] = limitCase{checkpoint.Limits{Data: 100}, "A", text(100), nil}
	tests["data over its own limit"] = limitCase{checkpoint.Limits{Data: 100}, "A", text(101), checkpoint.ErrTooLarge}
	tests["undo limit is another"] = limitCase{checkpoint.Limits{Undo: 10}, "A", text(100), nil}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.limits.Check(checkpoint.Checkpoint{Step: tt.step, Data: tt.data})
			if !errors.Is(err, tt.want) {
				t.Errorf("Check = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestLimitsCheckUndo(t *testing.T) {
	t.Parallel()
	tests := commonLimitCases()
	tests["data of 4 KiB"] = limitCase{checkpoint.Limits{}, "A", text(4 << 10), nil}
	tests["data over 4 KiB"] = limitCase{checkpoint.Limits{}, "A", text(4<<10 + 1), checkpoint.ErrTooLarge}
	tests["data at its own limit"] = limitCase{checkpoint.Limits{Undo: 100}, "A", text(100), nil}
	tests["data over its own limit"] = limitCase{checkpoint.Limits{Undo: 100}, "A", text(101), checkpoint.ErrTooLarge}
	tests["data limit is another"] = limitCase{checkpoint.Limits{Data: 10}, "A", text(100), nil}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.limits.CheckUndo(checkpoint.Undo{Step: tt.step, Data: tt.data})
			if !errors.Is(err, tt.want) {
				t.Errorf("CheckUndo = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestLimitsWithDefaults(t *testing.T) {
	t.Parallel()
	tests := []struct{ given, want checkpoint.Limits }{
		{checkpoint.Limits{}, checkpoint.Limits{Data: 65536, Undo: 4096}},
		{checkpoint.Limits{Data: 1}, checkpoint.Limits{Data: 1, Undo: 4096}},
		{checkpoint.Limits{Undo: 1}, checkpoint.Limits{Data: 65536, Undo: 1}},
		{checkpoint.Limits{Data: -1, Undo: -1}, checkpoint.Limits{Data: 65536, Undo: 4096}},
	}
	for _, tt := range tests {
		if got := tt.given.WithDefaults(); got != tt.want {
			t.Errorf("%+v.WithDefaults() = %+v, want %+v", tt.given, got, tt.want)
		}
	}
}

func TestTooLargeErrorHasTheFacts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		step string
		data json.RawMessage
		want checkpoint.TooLargeError
	}{
		"data": {"A", text(101), checkpoint.TooLargeError{What: "checkpoint", Step: "A", Size: 101, Limit: 100}},
		"step": {strings.Repeat("S", 200), text(10), checkpoint.TooLargeError{
			What: "step name", Step: strings.Repeat("S", 16) + "...", Size: 200, Limit: 128,
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := checkpoint.Limits{Data: 100}.Check(checkpoint.Checkpoint{Step: tt.step, Data: tt.data})
			var large *checkpoint.TooLargeError
			if !errors.As(err, &large) || *large != tt.want {
				t.Fatalf("Check = %#v, want %#v", err, tt.want)
			}
			if errors.Is(err, checkpoint.ErrInvalid) {
				t.Error("it also matches ErrInvalid")
			}
		})
	}
	err := &checkpoint.TooLargeError{What: "undo entry", Step: "A", Size: 4097, Limit: 4096}
	if got, want := err.Error(), `checkpoint: undo entry of step "A" is 4097 bytes, the limit is 4096`; got != want {
		t.Errorf("Error() = %s, want %s", got, want)
	}
}
