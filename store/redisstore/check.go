package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/await"
	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/store"
)

// layout is the version of the data that this library writes and the newest that it reads; oldest
// is the oldest that it reads. layout rises when older libraries can no longer work on the data.
const (
	layout = 21
	oldest = 21
)

// hangupHint returns a possible cause of a fault that looks temporary. A server without TLS sends
// nothing to a client that uses TLS, and a server with TLS hangs up on a client that does not use
// it. A server that has no room for another client also hangs up, often before the client has read
// its error.
func hangupHint(rdb redis.UniversalClient, err error) string {
	var secure bool
	switch c := rdb.(type) {
	case *redis.Client:
		secure = c.Options().TLSConfig != nil
	case *redis.ClusterClient:
		secure = c.Options().TLSConfig != nil
	}
	if secure {
		return " (by TLS, which the server must speak too)"
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return " (without TLS, which the server may want; or it has as many clients as its maxclients)"
	}
	return ""
}

// major returns the first number of a version.
func major(version string) int {
	n, _, _ := strings.Cut(version, ".")
	v, err := strconv.Atoi(n)
	if err != nil {
		return 0
	}
	return v
}

// check refuses clients, servers and data on which the store cannot keep its promises.
func (cl *client) check(ctx context.Context) error {
	switch c := cl.rdb.(type) {
	case *redis.Ring:
		return &ServerError{Addr: cl.addr, Reason: "a Ring moves keys away from their data when a server is down"}
	case *redis.ClusterClient:
		if o := c.Options(); o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			return &ServerError{Addr: cl.addr, Reason: "the client reads from replicas, which are behind"}
		}
	}
	if err := cl.checkRights(ctx); err != nil {
		return err
	}
	info, err := await.Value(ctx, func(ctx context.Context) (string, error) { return cl.rdb.Info(ctx, "server").Result() })
	if err != nil && !strings.Contains(err.Error(), "section") {
		return cl.unreachable(ctx, cl.addr, err)
	}
	if v := redisserver.Field(info, "redis_version"); v != "" && major(v) < 7 {
		return &ServerError{Addr: cl.addr, Reason: fmt.Sprintf("Redis %s is too old, 7.0 is needed", v)}
	}
	if err := cl.checkEviction(ctx); err != nil {
		return err
	}
	_, single := cl.rdb.(*redis.Client)
	cl.cluster = !single || redisserver.Field(info, "redis_mode") == "cluster"
	return cl.checkLayout(ctx)
}

// checkEviction refuses a server that evicts keys, because it could drop half of a plan, or the
// lease of an incarnation that is at work.
func (cl *client) checkEviction(ctx context.Context) error {
	found, err := cl.guard.Look(ctx)
	if err != nil {
		return cl.unreachable(ctx, cl.addr, err)
	}
	return cl.evicts(found)
}

// evicts returns the error for a server that may evict keys, nil if found is nil.
func (cl *client) evicts(found *redisserver.Eviction) error {
	if found == nil {
		return nil
	}
	return &ServerError{Addr: cmp.Or(found.Addr, cl.addr), Reason: "it may drop leases, locks and plans", Err: found}
}

// mayClaim refuses new work if the server was found to evict keys after the store was opened: a
// lease could vanish at any time, and then two processes would work on one tenant. Work under way
// continues.
func (cl *client) mayClaim() error { return cl.evicts(cl.guard.Found()) }

// unreachable returns the error for a failed call that asked a server about key, or about the
// server itself. To a passing fault it adds the address and a possible cause.
func (cl *client) unreachable(ctx context.Context, key string, err error) error {
	err = cl.fault(ctx, key, err)
	var passing *store.TemporaryError
	if errors.As(err, &passing) {
		passing.Err = fmt.Errorf("redisstore: %s%s: %w", cl.addr, hangupHint(cl.rdb, err), passing.Err)
	}
	return err
}

// checkLayout marks new data with the version of its layout, and refuses data whose layout this
// library does not know.
func (cl *client) checkLayout(ctx context.Context) error {
	key := cl.keys.version()
	text, err := await.Value(ctx, cl.layoutVersion)
	if errors.Is(err, store.ErrCorrupt) {
		return err
	}
	if err != nil {
		return cl.unreachable(ctx, key, err)
	}
	found, err := strconv.Atoi(text)
	if err != nil || found < 1 {
		return &store.CorruptError{Key: key, Reason: fmt.Sprintf("%.32q is no version", text)}
	}
	if found < oldest || found > layout {
		return fmt.Errorf("%s, key %s: %w", cl.addr, key, &VersionError{Found: found, Known: layout})
	}
	return nil
}

// layoutVersion reads the version of the layout. If there is none it writes this library's version,
// unless there are plans: their layout is then unknown. The version is written before the first
// plan gets its id, so a process that finds an id finds the version when it reads again.
func (cl *client) layoutVersion(ctx context.Context) (string, error) {
	key := cl.keys.version()
	text, err := cl.rdb.Get(ctx, key).Result() // a full server still answers reads
	if !errors.Is(err, redis.Nil) {
		return text, err
	}
	traces, err := cl.rdb.Exists(ctx, cl.keys.ids(), cl.keys.tokens(), cl.keys.plans()).Result()
	if err != nil {
		return "", err
	}
	if traces == 0 {
		if err := cl.rdb.SetNX(ctx, key, layout, 0).Err(); err != nil {
			return "", err
		}
	}
	text, err = cl.rdb.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) && traces > 0 {
		return "", &store.CorruptError{Key: key, Reason: "the version of the layout is missing, and there are plans"}
	}
	return text, err
}
