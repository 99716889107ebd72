package redisconfig_test

import (
	"errors"
	"testing"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack"
)

// While Redis is full a route can be read as usual; a switch is refused with
// redisack.ErrWriteFailed and leaves the tenant where it was.
func TestFullServer(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t, "--maxmemory-policy", "noeviction").Client()
	l := newLab(t, rdb)
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	l.wantCurrent(t, "green")
	err := l.Switch(t.Context(), bluegreen.Change{TenantID: tenantID, From: "green", To: "blue", Key: "k", Token: 1})
	if !errors.Is(err, redisack.ErrWriteFailed) {
		t.Errorf("switched on a full server: %v", err)
	}
	l.wantCurrent(t, "green")
	l.wantRuns(t, "green")
}
