package nginx

import (
	"testing"

	"github.com/cutover-go/cutover/gateway"
)

// TestMapFileWithWeights is of a table that it shares with a gateway that has weights: one tenant
// between two colours must not keep all others from being switched.
func TestMapFileWithWeights(t *testing.T) {
	t.Parallel()
	rows := gateway.Rows{
		"acme": {Colour: "green", Rev: 7, Token: 1, Other: "blue", Weight: 25},
		"beta": {Colour: "blue", Rev: 8, Token: 1},
	}
	if err := checkMap(formatMap(rows, 8), rows, 8, "routes.map"); err != nil {
		t.Error(err)
	}
}
