//go:build gatewayproof

package gatewayproof

import (
	"context"
	"encoding/json"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/haproxy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/redisstore"
)

// orders are what a process with an engine is told.
type orders struct {
	Name    string
	Redis   string // host:port
	Tenants string // the URL of the tenant service
	Table   string // the path of the table of wanted routes
	Map     string // the name of the map in HAProxy's configuration
	Fleet   []haproxy.Instance
	Ledger  string
}

// gateway returns a gateway over the fleet.
func (o orders) gateway() (*haproxy.Gateway, error) {
	return haproxy.New(haproxy.Config{
		Table: gateway.NewFileTable(o.Table), Fleet: haproxy.Fixed(o.Fleet...), Map: o.Map, Default: green,
	})
}

// lease is how long the tasks of a killed engine stay where they are.
const lease = 2 * time.Second

// openStore opens the store that all engines share.
func (o orders) openStore(ctx context.Context) (s store.Store, closeStore func(), err error) {
	rdb := redis.NewClient(&redis.Options{
		Addr: o.Redis, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	s, err = redisstore.Open(ctx, rdb, redisstore.Config{})
	return s, func() { _ = rdb.Close() }, err
}

// obey runs an engine until SIGTERM.
func obey(text string) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s, closeStore, err := o.openStore(ctx)
	defer closeStore()
	if err != nil {
		return err
	}
	g, err := o.gateway()
	if err != nil {
		return err
	}
	l, err := openLedger(o.Ledger)
	if err != nil {
		return err
	}
	tenants, err := bluegreen.NewHTTPTenants(o.Tenants, bluegreen.HTTPConfig{})
	if err != nil {
		return err
	}
	move, err := bluegreen.New(tenants, recorder{g, o.Name, l}, bluegreen.Config{})
	if err != nil {
		return err
	}
	engine, err := cutover.New(s, cutover.Config{
		Executors: executor.Registry{bluegreen.Type: move}, Capacity: 32, Name: o.Name, LeaseTTL: lease,
	})
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	running.Go(func() { _ = g.Run(ctx) })
	defer running.Wait()
	return engine.Run(ctx)
}

// recorder is a gateway that notes each switch in the ledger.
type recorder struct {
	bluegreen.Gateway
	engine string
	ledger *ledger
}

func (r recorder) Switch(ctx context.Context, c bluegreen.Change) error {
	n := note{At: time.Now(), Engine: r.engine, Kind: began, Tenant: c.TenantID, To: c.To}
	r.ledger.add(n)
	err := r.Gateway.Switch(ctx, c)
	n.At, n.Kind = time.Now(), returned
	if err != nil {
		n.Kind, n.Text = failed, err.Error()
	}
	r.ledger.add(n)
	return err
}
