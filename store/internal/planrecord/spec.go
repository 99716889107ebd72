package planrecord

import (
	"time"

	"github.com/cutover-go/cutover/plan"
)

// Spec is the stored form of the data with which a plan was created.
type Spec struct {
	Name        string            `json:"name"`
	Executor    string            `json:"executor"`
	Parameters  map[string]string `json:"parameters,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Strategy    strategyRecord    `json:"strategy"`
	Tasks       int               `json:"tasks"`
	Key         string            `json:"key,omitempty"`
	CreatedAt   *time.Time        `json:"createdAt,omitempty"`
	CreatedBy   string            `json:"createdBy,omitempty"`
}

// SpecOf returns the stored form of what p was created with.
func SpecOf(p *plan.Plan) Spec {
	return Spec{
		Name: p.Name, Executor: p.ExecutorType, Parameters: p.Parameters, Annotations: p.Annotations, Tasks: p.TaskCount - p.Added,
		Key: p.IdempotencyKey, CreatedAt: moment(p.CreatedAt), CreatedBy: p.CreatedBy, Strategy: strategyOf(&p.Strategy),
	}
}

// Fill copies s into p.
func (s *Spec) Fill(p *plan.Plan) (err error) {
	p.Name, p.ExecutorType, p.Parameters, p.TaskCount, p.IdempotencyKey = s.Name, s.Executor, s.Parameters, s.Tasks, s.Key
	p.Annotations, p.CreatedBy = s.Annotations, s.CreatedBy
	if s.CreatedAt != nil {
		p.CreatedAt = *s.CreatedAt
	}
	return s.Strategy.fill(&p.Strategy)
}

// moment returns nil for the zero time, so that it is left out.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
