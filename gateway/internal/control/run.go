package control

import (
	"context"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/gateway"
)

// Run checks the members every Interval until ctx ends, and verifies all that they have at every
// VerifyEvery-th time. Faults are logged when they begin and when they are over. Run returns nil.
func (c *Controller) Run(ctx context.Context) error {
	faulty := map[string]bool{} // by the name of the instance; "" is the fleet
	for n := 0; ; n++ {
		reports, err := c.Check(ctx, n%c.VerifyEvery == 0)
		if ctx.Err() != nil {
			return nil
		}
		reports = append(reports, gateway.InstanceReport{Err: err})
		now := make(map[string]bool, len(reports))
		for _, r := range reports {
			if now[r.Instance] = r.Err != nil; now[r.Instance] && !faulty[r.Instance] {
				c.Logger.Warn("gateway: not up to date", zap.String("instance", r.Instance), zap.Error(r.Err))
			} else if !now[r.Instance] && faulty[r.Instance] {
				c.Logger.Info("gateway: up to date again", zap.String("instance", r.Instance))
			}
		}
		faulty = now
		if Pause(ctx, c.Interval) != nil {
			return nil
		}
	}
}
