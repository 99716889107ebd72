package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
)

// TestRetentionCostsNothing: plans that are over and wait for their removal cause no reads of
// plans, except those of the periodic walk over all plans.
func TestRetentionCostsNothing(t *testing.T) {
	t.Parallel()
	const plans, polls = 200, 50
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	e, err := cutover.New(s, cutover.Config{PollInterval: 20 * time.Millisecond, Retention: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for i := range plans {
		made, err := e.Create(t.Context(), plan.Spec{Name: "n", ExecutorType: "X", Tenants: plan.Tenants(fmt.Sprint(i))}, cutover.ExecutorElsewhere())
		if err == nil {
			_, err = e.Cancel(t.Context(), made.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	run(t, e)
	// The engine reconciles a plan once more a minute after the plan's last change, for late
	// requests. Until then, and so until the end of this test, it does not touch the plan.
	eventually(t, func() bool {
		waiting, err := client.ZCount(t.Context(), s.keys.agenda(), fmt.Sprint(time.Now().Add(10*time.Second).UnixMicro()), "+inf").Result()
		return err == nil && waiting == plans
	})
	// After this many polls, the engine's walk over all plans at its start is over, too.
	for range 2 {
		if err := client.ConfigResetStat(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return calls(t, client, "zrangebyscore") >= polls })
	}
	// The repair of the agenda reads 20 plans every 10 seconds in any case.
	if n := calls(t, client, "hmget"); n > 2*sweepShare {
		t.Errorf("%d reads of plans in %d polls, with %d plans at rest", n, polls, plans)
	}
}

// calls returns how many times a server has carried out a command, inside and outside scripts.
func calls(t *testing.T, client *redis.Client, command string) int {
	t.Helper()
	info, err := client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	n, _, _ := strings.Cut(redisserver.Field(info, "cmdstat_"+command), ",")
	count, _ := strconv.Atoi(strings.TrimPrefix(n, "calls="))
	return count
}

// run lets an engine work until the end of the test.
func run(t *testing.T, e *cutover.Engine) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// eventually waits for a condition.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited for a minute in vain")
		}
	}
}
