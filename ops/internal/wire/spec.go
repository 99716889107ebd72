package wire

import (
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
)

// Spec is what a plan is created from. It has TenantIDs, Tenants or Uploaded.
type Spec struct {
	Name         string            `json:"name"`
	ExecutorType string            `json:"executorType"`
	TenantIDs    []string          `json:"tenantIds"`
	Tenants      []Tenant          `json:"tenants"`
	Parameters   map[string]string `json:"parameters"`
	Annotations  map[string]string `json:"annotations"`
	Strategy     Strategy          `json:"strategy"`
	Uploaded     *Uploaded         // not a member
}

// Tenant is a tenant with its labels and parameters.
type Tenant struct {
	ID         string            `json:"id"`
	Labels     map[string]string `json:"labels"`
	Parameters map[string]string `json:"parameters"`
}

// Plan returns the spec as package plan has it.
func (s *Spec) Plan() plan.Spec {
	return plan.Spec{
		Name: s.Name, ExecutorType: s.ExecutorType, Parameters: s.Parameters, Annotations: s.Annotations, Strategy: s.Strategy.plan(),
		Tenants: s.list().Plan(),
	}
}

func (s *Spec) list() Tenants { return Tenants{s.TenantIDs, s.Tenants, s.Uploaded} }

// Part returns the name of the part of an upload that has the spec.
func (s *Spec) Part() string { return "plan" }

// Upload takes tenants that were uploaded, and reports whether the spec has others.
func (s *Spec) Upload(u *Uploaded) (others bool) {
	s.Uploaded = u
	return s.TenantIDs != nil || s.Tenants != nil
}

// Strategy is a strategy, in requests and answers. The answers have the waves elsewhere.
type Strategy struct {
	MaxConcurrency   Amount                   `json:"maxConcurrency,omitzero"`
	MaxFailures      Amount                   `json:"maxFailures,omitzero"`
	MaxSameFailures  int                      `json:"maxSameFailures,omitzero"`
	FailureAction    strategy.Action          `json:"failureAction"`
	ConcurrencyMode  strategy.ConcurrencyMode `json:"concurrencyMode"`
	Retry            Retry                    `json:"retry,omitzero"`
	MinSuccessTime   Duration                 `json:"minSuccessTime,omitzero"`
	TaskTimeout      Duration                 `json:"taskTimeout,omitzero"`
	ProgressDeadline Duration                 `json:"progressDeadline,omitzero"`
	Waves            []Wave                   `json:"waves,omitempty"`
	WaveSizes        []Amount                 `json:"waveSizes,omitempty"`
	BakeTime         Duration                 `json:"bakeTime,omitzero"`
	FirstBakeTime    Duration                 `json:"firstBakeTime,omitzero"`
	FinalBakeTime    Duration                 `json:"finalBakeTime,omitzero"`
	Windows          []window.Window          `json:"windows,omitempty"`
	Conflict         strategy.Conflict        `json:"conflict,omitzero"`
	Quotas           []Quota                  `json:"quotas,omitempty"`
}

// Quota is a quota of a strategy.
type Quota struct {
	Label string `json:"label"`
	Max   int    `json:"max"`
}

// Retry is how often attempts are repeated, and after which waits.
type Retry struct {
	Attempts int      `json:"attempts,omitzero"`
	First    Duration `json:"first,omitzero"`
	Max      Duration `json:"max,omitzero"`
}

// Wave is a wave of a strategy.
type Wave struct {
	Name           string            `json:"name,omitempty"`
	Size           Amount            `json:"size,omitzero"`
	Labels         map[string]string `json:"labels,omitempty"`
	Tenants        []string          `json:"tenants,omitempty"`
	MaxConcurrency Amount            `json:"maxConcurrency,omitzero"`
	MaxFailures    Amount            `json:"maxFailures,omitzero"`
	Canary         bool              `json:"canary,omitempty"`
	BakeTime       Duration          `json:"bakeTime,omitzero"`
	Approval       bool              `json:"approval,omitempty"`
}

func (s *Strategy) plan() strategy.Strategy {
	p := strategy.Strategy{
		MaxConcurrency: strategy.Amount(s.MaxConcurrency), MaxFailures: strategy.Amount(s.MaxFailures), MaxSameFailures: s.MaxSameFailures,
		FailureAction: s.FailureAction, ConcurrencyMode: s.ConcurrencyMode,
		Retry:          strategy.Retry{Attempts: s.Retry.Attempts, First: s.Retry.First.std(), Max: s.Retry.Max.std()},
		MinSuccessTime: s.MinSuccessTime.std(), TaskTimeout: s.TaskTimeout.std(), ProgressDeadline: s.ProgressDeadline.std(),
		BakeTime: s.BakeTime.std(), FirstBakeTime: s.FirstBakeTime.std(), FinalBakeTime: s.FinalBakeTime.std(), Windows: s.Windows,
		Conflict: s.Conflict,
	}
	for _, q := range s.Quotas {
		p.Quotas = append(p.Quotas, strategy.Quota(q))
	}
	for _, w := range s.Waves {
		p.Waves = append(p.Waves, strategy.Wave{
			Name: w.Name, Size: strategy.Amount(w.Size), Labels: w.Labels, Tenants: w.Tenants,
			MaxConcurrency: strategy.Amount(w.MaxConcurrency), MaxFailures: strategy.Amount(w.MaxFailures),
			Canary: w.Canary, BakeTime: w.BakeTime.std(), Approval: w.Approval,
		})
	}
	for _, size := range s.WaveSizes {
		p.WaveSizes = append(p.WaveSizes, strategy.Amount(size))
	}
	return p
}

// strategyOf returns a strategy without its waves.
func strategyOf(s *strategy.Strategy) Strategy {
	w := Strategy{
		MaxConcurrency: Amount(s.MaxConcurrency), MaxFailures: Amount(s.MaxFailures), MaxSameFailures: s.MaxSameFailures,
		FailureAction: s.FailureAction, ConcurrencyMode: s.ConcurrencyMode,
		Retry:          Retry{Attempts: s.Retry.Attempts, First: Duration(s.Retry.First), Max: Duration(s.Retry.Max)},
		MinSuccessTime: Duration(s.MinSuccessTime), TaskTimeout: Duration(s.TaskTimeout), ProgressDeadline: Duration(s.ProgressDeadline),
		BakeTime: Duration(s.BakeTime), FirstBakeTime: Duration(s.FirstBakeTime), FinalBakeTime: Duration(s.FinalBakeTime), Windows: s.Windows,
		Conflict: s.Conflict,
	}
	for _, q := range s.Quotas {
		w.Quotas = append(w.Quotas, Quota(q))
	}
	return w
}
