package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/redisstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// deadStores are the ways in which a store answers no call any more.
func deadStores() map[string]error {
	return map[string]error{"away": errAway, "closed": errors.New("client is closed")}
}

// dead makes every call fail at once, and returns the number of calls.
func (m *interceptedStore) dead(err error) (calls *atomic.Int64) {
	calls = new(atomic.Int64)
	m.on(func(context.Context, storetest.Call) error {
		calls.Add(1)
		return err
	})
	return calls
}

// An engine whose store answers no call logs that, without any hook: at once, and then each
// operation every ten seconds. It calls the store a few times a second, however fast the store
// fails.
func TestDeadStoreIsLogged(t *testing.T) {
	t.Parallel()
	for name, fault := range deadStores() {
		for _, busy := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, busy=%t", name, busy), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { logsDeadStore(t, fault, busy) })
			})
		}
	}
}

// logsDeadStore runs an engine whose store fails; with a task in flight if the engine is busy.
func logsDeadStore(t *testing.T, fault error, busy bool) {
	t.Helper()
	m := intercept(memstore.New())
	core, logs := observer.New(zapcore.WarnLevel)
	e := startProcess(t, m, cutover.Config{Executors: executor.Registry{"X": executor.Func(untilStopped)}, Logger: zap.New(core)})
	if busy {
		launch(t, e.Engine, spec("a", "b"))
		time.Sleep(time.Second)
	}
	calls := m.dead(fault)
	const minutes = 5
	time.Sleep(minutes * time.Minute)
	if n := calls.Load(); n < 60*minutes/2 || n > 60*minutes*10 {
		t.Errorf("%d calls in %d minutes", n, minutes)
	}
	m.on(nil)
	byOp := map[string]int{}
	for _, l := range logs.All() {
		if !strings.HasPrefix(l.Message, "store fault: ") {
			t.Errorf("logged %q", l.Message)
		}
		byOp[l.Message]++
	}
	for op, n := range byOp {
		if n > minutes*6 {
			t.Errorf("%q is logged %d times in %d minutes", op, n, minutes)
		}
	}
	if n := byOp["store fault: due"]; n < minutes*5 {
		t.Errorf("due is logged %d times in %d minutes", n, minutes)
	}
}

// A host that hears of the faults itself decides what is logged.
func TestHostHearsOfDeadStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		core, logs := observer.New(zapcore.WarnLevel)
		var faults atomic.Int64
		startProcess(t, m, cutover.Config{Logger: zap.New(core), Hooks: hook.Hooks{OnStoreFault: func(string, error) { faults.Add(1) }}})
		m.dead(errAway)
		time.Sleep(time.Minute)
		m.on(nil)
		if faults.Load() < 30 || logs.Len() > 0 {
			t.Errorf("%d faults reported, %d logged", faults.Load(), logs.Len())
		}
	})
}

// Without a logger, faults are logged to the default one.
//
// Not parallel: the default logger is one for all tests.
func TestDeadStoreIsLoggedByDefault(t *testing.T) {
	var out bytes.Buffer
	before := log.Writer()
	log.SetOutput(&out)
	defer log.SetOutput(before)
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		m.dead(errAway)
		e := startProcess(t, m, cutover.Config{})
		time.Sleep(5 * time.Second)
		m.on(nil)
		e.end(t)
	})
	if text := out.String(); !strings.Contains(text, `WARN store fault: due op=due unlogged=0 error="store: unavailable for now: away"`) {
		t.Errorf("logged %q", text)
	}
}

// A Redis client that was closed under a running engine is such a store.
func TestClosedRedisClientIsLogged(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: redistest.Start(t).Addr()})
	s, err := redisstore.Open(t.Context(), client, redisstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m := intercept(s)
	var calls atomic.Int64
	polls := make(chan struct{})
	m.on(func(ctx context.Context, c storetest.Call) error {
		calls.Add(1)
		if c.Method == "Due" {
			select {
			case polls <- struct{}{}:
			case <-ctx.Done():
			}
		}
		return c.Do(ctx)
	})
	core, logs := observer.New(zapcore.WarnLevel)
	e, err := cutover.New(m, cutover.Config{Logger: zap.New(core), PollInterval: 50 * time.Millisecond, LeaseTTL: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	const polled = 20
	for range polled {
		<-polls
	}
	if n := calls.Load(); n > 20*polled {
		t.Errorf("%d calls within %d polls", n, polled)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if logs.FilterMessage("store fault: due").Len() == 0 || logs.FilterMessage("store fault: join").Len() == 0 {
		t.Errorf("logged %v", logs.All())
	}
}
