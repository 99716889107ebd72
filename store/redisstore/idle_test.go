package redisstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
)

// TestIdleEngine: a process with nothing to do sends at most four commands a second, while 200
// plans rest and 100 are left to processes that have their executor.
func TestIdleEngine(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	client := redistest.Start(t).Client()
	var sent counter
	client.AddHook(&sent)
	s := openStore(t, client, Config{})
	nothing := executor.Func(func(context.Context, *executor.Run) error { return nil })
	e, err := cutover.New(s, cutover.Config{Executors: executor.Registry{"X": nothing}, Retention: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		spec := plan.Spec{Name: "n", ExecutorType: "FOREIGN", Tenants: plan.Tenants(fmt.Sprint(i))}
		made, err := e.Create(t.Context(), spec, cutover.ExecutorElsewhere())
		if err == nil && i < 100 {
			_, err = e.Start(t.Context(), made.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	run(t, e)
	eventually(t, func() bool {
		soon := fmt.Sprint(time.Now().Add(time.Minute).UnixMicro())
		n, err := client.ZCount(t.Context(), s.keys.agenda(), "-inf", soon).Result()
		return err == nil && n == 0 && client.ZCard(t.Context(), s.keys.left("FOREIGN")).Val() == 100
	})
	const seconds = 20
	before := sent.all.Load()
	time.Sleep(seconds * time.Second)
	if n := sent.all.Load() - before; n > 4*seconds {
		t.Errorf("%d commands in %d seconds", n, seconds)
	} else {
		t.Logf("%.2f commands a second", float64(n)/seconds)
	}
}
