package redisstore

import (
	"fmt"
	"strings"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
)

// This store does not enforce waves, bake times and windows yet. It refuses plans that need them,
// because a restriction that is stored and not enforced is worse than none.

// refuseStrategy returns an error that matches store.ErrInvalid if s needs what the store does not
// enforce.
func refuseStrategy(s *strategy.Strategy, waves []plan.Wave) error {
	return refuse("the strategy", map[string]bool{
		"Waves":         len(s.Waves)+len(s.WaveSizes)+len(waves) > 0,
		"BakeTime":      s.BakeTime != 0,
		"FirstBakeTime": s.FirstBakeTime != 0,
		"FinalBakeTime": s.FinalBakeTime != 0,
		"Windows":       len(s.Windows) > 0,
	})
}

// refuseTuning does the same for a change of a strategy.
func refuseTuning(t *strategy.Tuning) error {
	return refuse("the tuning", map[string]bool{
		"Waves":         len(t.Waves) > 0,
		"BakeTime":      t.BakeTime != nil,
		"FirstBakeTime": t.FirstBakeTime != nil,
		"FinalBakeTime": t.FinalBakeTime != nil,
		"Windows":       len(t.Windows) > 0,
	})
}

func refuse(what string, needs map[string]bool) error {
	var missing []string
	for _, field := range []string{"Waves", "BakeTime", "FirstBakeTime", "FinalBakeTime", "Windows"} {
		if needs[field] {
			missing = append(missing, field)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%w: redisstore does not enforce these fields of %s yet: %s", store.ErrInvalid, what, strings.Join(missing, ", "))
}
