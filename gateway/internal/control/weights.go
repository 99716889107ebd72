package control

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/gateway"
)

// weights moves tenants between two colours bit by bit.
type weights struct {
	controller    *Controller
	stable, other string
}

// Weights returns weights of which 0 is all requests at stable and 100 all at other, or a
// *[gateway.InvalidError].
func (c *Controller) Weights(stable, other string) (canary.Weights, error) {
	var faults []string
	for _, colour := range []string{stable, other} {
		if err := c.checkColour(colour); err != nil {
			faults = append(faults, err.Error())
		}
	}
	if stable == other {
		faults = append(faults, fmt.Sprintf("the colours are the same, %q", stable))
	}
	if len(faults) > 0 {
		return nil, &gateway.InvalidError{Faults: faults}
	}
	return &weights{c, stable, other}, nil
}

// Weight implements [canary.Weights]: it returns the weight that every member serves.
func (w *weights) Weight(ctx context.Context, tenantID string) (int, error) {
	at, err := w.controller.locate(ctx, tenantID)
	if err != nil {
		return 0, err
	}
	switch {
	case at == w.at(0):
		return 0, nil
	case at == w.at(100):
		return 100, nil
	case at == w.at(at.weight):
		return at.weight, nil
	}
	return 0, w.controller.failure(ctx, &movedError{found: at, from: w.at(0), to: w.at(100)})
}

// SetWeight implements [canary.Weights]: it returns nil when every member serves the weight.
func (w *weights) SetWeight(ctx context.Context, ch canary.Change) error {
	for _, percent := range []int{ch.From, ch.To} {
		if percent < 0 || percent > 100 {
			return w.controller.refused(&gateway.SetupError{Expected: "a weight of 0 to 100 percent", Found: fmt.Sprint(percent)})
		}
	}
	return w.controller.move(ctx, request{tenant: ch.TenantID, from: w.at(ch.From), to: w.at(ch.To), token: ch.Token})
}

// at returns where a tenant with a weight is.
func (w *weights) at(percent int) place {
	switch percent {
	case 0:
		return place{colour: w.stable}
	case 100:
		return place{colour: w.other}
	}
	return place{colour: w.stable, weight: percent, other: w.other}
}
