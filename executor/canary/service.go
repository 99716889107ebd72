package canary

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/task"
)

// Weights knows and sets which share of a tenant's traffic goes to the new environment, in percent.
//
// Errors made with [executor.Fail] and [executor.Retryable] become the task's failure unchanged.
type Weights interface {
	// Weight returns the tenant's weight, 0 to 100.
	Weight(ctx context.Context, tenantID string) (percent int, err error)
	// SetWeight sets the tenant's weight to c.To. It must be safe to repeat. Services that can
	// compare the current weight should fail with TENANT_MOVED_ON if it is neither c.From nor c.To.
	SetWeight(ctx context.Context, c Change) error
}

// Change is one change of a tenant's weight.
type Change struct {
	TenantID string
	// From is the weight that the task expects to find; To is the new one. They may be equal.
	From, To int
	// Token is greater at every claim of the task. A service that remembers the greatest token per
	// tenant can refuse a change by a worker that lost its task long ago, and a change that the
	// service itself carries out late. For that it must compare the tokens when the change takes
	// effect, and must also remember the token of a change that finds nothing to do.
	Token task.Token
	// Key is the same whenever the same change is sent again. A service that remembers keys must
	// compare the token first, and must forget a key when the tenant's weight is changed in another
	// way: a weight that was put back may be set again by a later attempt.
	Key string
}

// Health judges how a tenant does.
type Health interface {
	// Check judges the tenant at its current weight. An error, a panic, and a report without a
	// verdict mean that the check could not be made: it is missing, and not failed. If the error
	// carries an [executor.Error.RetryAfter], the next check is no earlier than that.
	Check(ctx context.Context, p Probe) (Report, error)
}

// Probe says what to check.
type Probe struct {
	TenantID string
	// Weight is the share of the tenant's traffic that goes to the new environment, in percent.
	Weight int
	// Held is how long the weight has been held at least: the time that figures may cover.
	Held time.Duration
}

// Report is the result of a check.
type Report struct {
	Verdict Verdict
	// Figures are what the verdict is based on, for instance "error rate" 0.12. The failure of the
	// task shows up to 16 of them, with up to 64 bytes of each name.
	Figures map[string]float64
	// Reason is a short text for operators, of which the failure shows up to 256 bytes. Default:
	// none.
	Reason string
}

// Verdict is what a check says. The zero value is none: the check is missing.
type Verdict uint8

// The verdicts.
const (
	// Passed: the tenant is well at this weight.
	Passed Verdict = iota + 1
	// Failed: it is not.
	Failed
	// Inconclusive: the figures do not say, for instance because there was no traffic.
	Inconclusive
)

// String returns the verdict in lower case, as [ParseVerdict] reads it.
func (v Verdict) String() string {
	switch v {
	case Passed:
		return "passed"
	case Failed:
		return "failed"
	case Inconclusive:
		return "inconclusive"
	}
	return fmt.Sprintf("Verdict(%d)", uint8(v))
}

// ParseVerdict reads a verdict as String writes it.
func ParseVerdict(name string) (Verdict, error) {
	for v := Passed; v <= Inconclusive; v++ {
		if v.String() == name {
			return v, nil
		}
	}
	return 0, fmt.Errorf("canary: unknown verdict %.32q", name)
}
