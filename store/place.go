package store

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
)

// MaxPlaces is the maximum number of places of a quota.
const MaxPlaces = strategy.MaxQuotaPlaces

// Places keeps the places in quotas. A store knows nothing of their meaning: it counts them, and
// changes them by comparison with their exact values.
type Places interface {
	// Occupy takes each of the places (at most MaxBatch) of which fewer than Max are taken in its
	// quota, and sets the results in asked. A task has at most one place in a quota. A place that
	// the task already has with exactly this value counts as taken, whatever Max is, and so does
	// one that replaces the place in From. A repeated call has no further effect.
	Occupy(ctx context.Context, asked []Occupation) error
	// Vacate frees each of the places (at most MaxBatch) that has exactly this value.
	Vacate(ctx context.Context, places []Place) error
	// Places returns all places that are taken in a quota, at most MaxPlaces, in any order.
	Places(ctx context.Context, q QuotaKey) ([]Place, error)
	// CountPlaces returns how many places are taken in each of the quotas (at most MaxBatch).
	CountPlaces(ctx context.Context, quotas []QuotaKey) ([]int, error)
}

// QuotaKey names the tasks, of all plans, that share a quota: those of tenants with this value of
// the label.
type QuotaKey struct {
	Label, Value string
}

// Place is the place of a task in a quota. Two places are equal only if all their fields are equal.
type Place struct {
	QuotaKey
	Plan    plan.ID
	Ordinal int
	// Start and Phase are as in [TenantLock].
	Start uint64
	Phase uint32
}

// Occupation asks for a place, and has the result.
type Occupation struct {
	Place
	// Max is how many places the quota may have with this one, from 1 to MaxPlaces.
	Max int
	// From, if it is not 0, is the phase of the place, under the same Start, that this one replaces
	// if the task has it.
	From uint32

	// Taken reports that the task has this place now.
	Taken bool
	// Other is another place that the task has in the quota, which is in the way; zero if there is
	// none and the quota is full.
	Other Place
}

// CheckOccupations returns nil, or an error that matches [ErrInvalid].
func CheckOccupations(asked []Occupation) error {
	if err := CheckCount("places", len(asked), MaxBatch); err != nil {
		return err
	}
	for i := range asked {
		o := &asked[i]
		if o.Max < 1 || o.Max > MaxPlaces || o.Label == "" || o.Ordinal < 1 {
			return fmt.Errorf("%w: task %d of plan %s asks for one of %d places in the quota %+q", ErrInvalid, o.Ordinal, o.Plan, o.Max, o.QuotaKey)
		}
	}
	return nil
}
