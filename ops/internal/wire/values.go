package wire

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// Time is a time in UTC with milliseconds.
type Time struct{ time.Time }

// MarshalJSON writes the time.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z07:00"`), nil
}

// Duration is a duration. It is written in seconds, "90s", and read in every form of
// time.ParseDuration.
type Duration time.Duration

func (d Duration) std() time.Duration { return time.Duration(d) }

// MarshalJSON writes the duration.
func (d Duration) MarshalJSON() ([]byte, error) {
	text := append([]byte{'"'}, strconv.FormatFloat(time.Duration(d).Seconds(), 'f', -1, 64)...)
	return append(text, 's', '"'), nil
}

// UnmarshalJSON reads a duration.
func (d *Duration) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if read, err := time.ParseDuration(text); err == nil {
			*d = Duration(read)
			return nil
		}
	}
	return errors.New(`is no duration, such as "90s" or "1h30m"`)
}

// Amount is an amount: a number, or a text with a percentage.
type Amount strategy.Amount

// MarshalJSON writes the amount.
func (a Amount) MarshalJSON() ([]byte, error) {
	if a.Kind == strategy.AmountCount {
		return strconv.AppendInt(nil, int64(a.N), 10), nil
	}
	return json.Marshal(strategy.Amount(a))
}

// UnmarshalJSON reads an amount.
func (a *Amount) UnmarshalJSON(raw []byte) error {
	text := string(raw)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
	}
	read, err := strategy.ParseAmount(text)
	if err != nil {
		return errors.New(`is no amount, such as 3 or "10%"`)
	}
	*a = Amount(read)
	return nil
}

// Counters are the numbers of tasks by their states; states without tasks are left out.
type Counters plan.Counters

// MarshalJSON writes the counters in the order of the states.
func (c Counters) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for s, n := range c.States {
		if n == 0 {
			continue
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = strconv.AppendQuote(text, task.State(s).String())
		text = strconv.AppendInt(append(text, ':'), int64(n), 10)
	}
	return append(text, '}'), nil
}
