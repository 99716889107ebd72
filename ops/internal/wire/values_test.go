package wire_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// values has a value of each type with a form of its own.
type values struct {
	At     wire.Time     `json:"at,omitzero"`
	For    wire.Duration `json:"for,omitzero"`
	Amount wire.Amount   `json:"amount,omitzero"`
}

func TestValuesAreWritten(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("CET", 3600)
	for want, v := range map[string]values{
		`{}`: {},
		`{"at":"2026-03-01T11:30:00.000Z","for":"90s","amount":3}`:         {wire.Time{Time: time.Date(2026, 3, 1, 12, 30, 0, 0, berlin)}, wire.Duration(90 * time.Second), wire.Amount(strategy.Count(3))},
		`{"at":"2026-03-01T11:30:00.123Z","for":"0.0015s","amount":"10%"}`: {wire.Time{Time: time.Date(2026, 3, 1, 11, 30, 0, 123_999_999, time.UTC)}, wire.Duration(1500 * time.Microsecond), wire.Amount(strategy.Percent(10))},
		`{"for":"31622400s","amount":0}`:                                   {For: wire.Duration(366 * 24 * time.Hour), Amount: wire.Amount(strategy.Count(0))},
	} {
		if text, err := json.Marshal(v); err != nil || string(text) != want {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}

func TestValuesAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]values{
		`{"for":"90s","amount":3}`:       {For: wire.Duration(90 * time.Second), Amount: wire.Amount(strategy.Count(3))},
		`{"for":"1m30s","amount":"3"}`:   {For: wire.Duration(90 * time.Second), Amount: wire.Amount(strategy.Count(3))},
		`{"for":"-1ms","amount":"100%"}`: {For: wire.Duration(-time.Millisecond), Amount: wire.Amount(strategy.Percent(100))},
	} {
		var v values
		if err := json.Unmarshal([]byte(text), &v); err != nil || v != want {
			t.Errorf("%s: %+v, %v", text, v, err)
		}
	}
	for _, text := range []string{
		`{"for":90}`, `{"for":"90"}`, `{"for":""}`, `{"for":{}}`, `{"amount":-1}`, `{"amount":1.5}`, `{"amount":1e3}`, `{"amount":"101%"}`,
		`{"amount":""}`, `{"amount":true}`, `{"amount":[3]}`, `{"amount":99999999999999999999}`,
	} {
		var v values
		if err := json.Unmarshal([]byte(text), &v); err == nil {
			t.Errorf("%s is read as %+v", text, v)
		}
	}
}

// FuzzValues checks that what is read is the same after it is written and read again.
func FuzzValues(f *testing.F) {
	for _, text := range []string{`{"for":"90s","amount":3}`, `{"for":"1h","amount":"10%"}`, `{"for":"-1.5ms"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var v, again values
		if json.Unmarshal(text, &v) != nil || !v.At.IsZero() || time.Duration(v.For).Abs() > 100*365*24*time.Hour {
			return
		}
		written, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(written, &again); err != nil || again != v {
			t.Errorf("%s is written %s and read as %+v: %v", text, written, again, err)
		}
	})
}

func TestCounters(t *testing.T) {
	t.Parallel()
	var c plan.Counters
	if text, err := json.Marshal(wire.Counters(c)); err != nil || string(text) != `{}` {
		t.Errorf("%s: %v", text, err)
	}
	c.States[task.Failed], c.States[task.Pending] = 2, 13
	if text, err := json.Marshal(wire.Counters(c)); err != nil || string(text) != `{"PENDING":13,"FAILED":2}` {
		t.Errorf("%s: %v", text, err)
	}
}

func TestField(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Name": "name", "ExecutorType": "executorType", "Tenants[3].ID": "tenants[3].id", "Strategy.Waves[0].MaxFailures": "strategy.waves[0].maxFailures", "": "",
	} {
		if got := wire.Field(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
