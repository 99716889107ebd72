package main

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/internal/redistest"
)

// What one process has switched, another one sees: it may have to continue the task.
func TestProcessesShareTheDemo(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Start(t).Addr()})
	defer func() { _ = rdb.Close() }()
	one, other := demoGateway{demo{sharedWorld{rdb}}}, demoGateway{demo{sharedWorld{rdb}}}
	if c, err := other.Current(t.Context(), "a"); c != "green" || err != nil {
		t.Fatalf("%q, %v", c, err)
	}
	if err := one.Switch(t.Context(), bluegreen.Change{TenantID: "a", To: "blue"}); err != nil {
		t.Fatal(err)
	}
	if c, err := other.Current(t.Context(), "a"); c != "blue" || err != nil {
		t.Errorf("%q, %v", c, err)
	}
}
