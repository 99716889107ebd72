package xds_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/gateway/internal/fleettest"
)

// TestBootstrap checks that what tests replace in the bootstrap of docs/gateways.md is in it.
func TestBootstrap(t *testing.T) {
	t.Parallel()
	text := fleettest.Documented(t, "yaml")
	for _, part := range []string{"id: edge-1", "10.0.0.5", "18000", "0.0.0.0", "8080"} {
		if n := strings.Count(text, part); n != 1 {
			t.Errorf("the bootstrap has %q %d times", part, n)
		}
	}
	if boot := documented(t); boot.routes() != "tenants" || fmt.Sprint(boot.manager.GetRds().GetConfigSource().GetInitialFetchTimeout().AsDuration()) != "0s" {
		t.Errorf("%v", boot.manager)
	}
}
