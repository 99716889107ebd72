package bluegreen_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
	"github.com/cutover-go/cutover/executor/executortest"
)

func TestRetryAfterIsPassedOn(t *testing.T) {
	t.Parallel()
	const date, later = "Sat, 22 Nov 2025 10:15:30 GMT", "Sat, 22 Nov 2025 10:15:42 GMT"
	for name, c := range map[string]struct {
		status      int
		after, date string
		want        time.Duration
	}{
		"none":                {http.StatusServiceUnavailable, "", "", 0},
		"seconds":             {http.StatusServiceUnavailable, "7", "", 7 * time.Second},
		"too many requests":   {http.StatusTooManyRequests, " 7 ", "", 7 * time.Second},
		"gateway timeout":     {http.StatusGatewayTimeout, "7", "", 7 * time.Second},
		"none at all":         {http.StatusServiceUnavailable, "0", "", 0},
		"a date":              {http.StatusServiceUnavailable, later, date, 12 * time.Second},
		"a date in the past":  {http.StatusServiceUnavailable, date, later, 0},
		"the same by our own": {http.StatusServiceUnavailable, date, "nonsense", 0},
		"a far date":          {http.StatusServiceUnavailable, "Sat, 22 Nov 9999 10:15:30 GMT", date, 24 * time.Hour},
		"huge":                {http.StatusServiceUnavailable, "99999999999999999999", "", 24 * time.Hour},
		"a week":              {http.StatusServiceUnavailable, "604800", "", 24 * time.Hour},
		"negative":            {http.StatusServiceUnavailable, "-7", "", 0},
		"a fraction":          {http.StatusServiceUnavailable, "1.5", "", 0},
		"text":                {http.StatusServiceUnavailable, "soon", "", 0},
		"not retryable":       {http.StatusForbidden, "7", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, bluegreen.Config{})
			l.answers(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", c.after)
				if c.date != "" {
					w.Header().Set("Date", c.date)
				}
				w.WriteHeader(c.status)
			})
			for _, op := range []bluegreentest.Op{bluegreentest.Info, bluegreentest.Status, bluegreentest.Current, bluegreentest.Switch} {
				var failure *executor.Error
				if err := l.request(t.Context(), op, tenantID); !errors.As(err, &failure) || failure.RetryAfter != c.want {
					t.Errorf("%s: %+v, want %s", op, failure, c.want)
				}
			}
		})
	}
}

// TestTheExecutorWaitsAsLongAsItIsAsked checks that the executor waits as long as a service asks,
// and that it does not call a service again that asks for more than the maximum wait.
func TestTheExecutorWaitsAsLongAsItIsAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		longest time.Duration
		calls   int
	}{
		"long enough": {time.Second, 2}, "too long": {time.Second - 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, bluegreen.Config{})
			calls := make(chan time.Time, 10)
			l.answers(t, func(w http.ResponseWriter, _ *http.Request) {
				calls <- time.Now()
				if len(calls) == 1 {
					w.Header().Set("Retry-After", "1")
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				w.WriteHeader(http.StatusForbidden)
			})
			l.restart(t, bluegreen.Config{Retry: executor.Retry{Attempts: 2, First: 1, Max: c.longest}})
			err := executortest.NewRun(t).Execute(l)
			if err == nil || len(calls) != c.calls {
				t.Fatalf("%d calls: %v", len(calls), err)
			}
			if first := <-calls; c.calls == 2 {
				if waited := (<-calls).Sub(first); waited < time.Second {
					t.Errorf("the second call came after %s", waited)
				}
			}
		})
	}
}
