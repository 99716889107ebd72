//go:build crash

package crash

import (
	"context"
	"encoding/json"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/redisstore"
)

// target describes how to connect to Redis.
type target struct {
	Addrs   []string
	Master  string // the name of the master, if Addrs are Sentinels
	Cluster bool
	User    string // the password is userPassword
}

// userPassword is the password of all Redis users in these tests.
const userPassword = "pw"

func (g target) client() redis.UniversalClient {
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if g.Cluster {
		// By default the client checks only once a minute which node has replaced a dead one.
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: g.Addrs, ClusterStateReloadInterval: time.Second, MaintNotificationsConfig: quiet,
		})
	}
	o := &redis.UniversalOptions{Addrs: g.Addrs, MasterName: g.Master, MaintNotificationsConfig: quiet}
	if g.User != "" {
		o.Username, o.Password = g.User, userPassword
	}
	return redis.NewUniversalClient(o)
}

// orders are the instructions for a worker process.
type orders struct {
	crashtest.Orders
	own
}

// own is what only workers over Redis are told.
type own struct {
	Target   target
	Prefix   string
	Replicas int
	Canary   string // the URL of the services of canary releases, for workers that make some
}

// obey runs a worker.
func obey(text string) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	rdb := o.Target.client()
	defer func() { _ = rdb.Close() }()
	more := make(executor.Registry)
	if o.Canary != "" {
		release, err := canaryExecutor(o.Canary)
		if err != nil {
			return err
		}
		more[canary.Type] = release
	}
	return crashtest.Obey(&o.Orders, more, func(ctx context.Context, l *crashtest.Ledger) (store.Store, error) {
		return redisstore.Open(ctx, rdb, redisstore.Config{
			Prefix: o.Prefix, Replicas: o.Replicas,
			OnWentBack: func(e *redisstore.WentBackError) {
				l.Note(crashtest.Entry{Worker: o.Name, Kind: crashtest.GoneBy, Note: e.Error()})
			},
		})
	})
}
