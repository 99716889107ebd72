package redisgateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/redisack"
)

// keys are the Redis keys of one route that this package reads or writes itself,
// all in one cluster slot. Those of redisack are named in docs/redisack.md.
type keys struct {
	data string // string: the payload
	head string // hash: redisack's record of the last write
	live string // string: mark of the write that the clients were last found to run
}

func keysOf(key string) keys {
	base := key
	if !tagged(key) {
		base = "{" + key + "}"
	}
	return keys{data: key, head: base + ":head", live: base + ":live"}
}

// tagged reports whether key has a hash tag, by the rule of Redis Cluster: text
// between the first { and the first } after it.
func tagged(key string) bool {
	_, rest, _ := strings.Cut(key, "{")
	return strings.Index(rest, "}") > 0
}

// route is what Redis holds for one tenant: the write that is current.
type route struct {
	keys
	tenantID string
	colour   string
	payload  []byte
	rev      uint64

	version, wid, sum, fence, ackPos string

	// confirmed says that the clients were found to run exactly this write.
	confirmed bool
}

// switchPrefix begins the id of every write that moved a tenant, as opposed to
// one that put it back or gave it its first route.
const switchPrefix = "switch."

// writeID names the write that carries out the change with this key upon revision
// rev. The same change upon another revision is another write: the tenant was
// moved in between.
func writeID(key, to string, rev uint64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %d", key, to, rev))
	return switchPrefix + hex.EncodeToString(sum[:16])
}

// switched reports whether the write moved the tenant, so that it is to be put
// back if it fails.
func (r route) switched() bool { return strings.HasPrefix(r.wid, switchPrefix) && r.rev > 1 }

// target is the write as redisack waits for it.
func (r route) target() redisack.Target {
	return redisack.Target{Key: r.data, Version: r.version, Rev: r.rev, WriteID: r.wid, Sum: r.sum, AckPos: r.ackPos}
}

// change is the write as it was made, to be sent again.
func (r route) change() redisack.Change {
	return redisack.Change{
		Key: r.data, Version: r.version, Payload: r.payload, WriteID: r.wid, Fence: r.fence, IfRev: redisack.Exact(r.rev - 1),
	}
}

// read reads a tenant's route, all of it at one moment.
func (g *Gateway) read(ctx context.Context, tenantID string) (route, error) {
	r := route{keys: keysOf(g.config.Key(tenantID)), tenantID: tenantID}
	pipe := g.rdb.TxPipeline()
	head, payload, live := pipe.HGetAll(ctx, r.head), pipe.Get(ctx, r.data), pipe.Get(ctx, r.live)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		// Of a transaction that was refused, only the command says why.
		return route{}, broken(ctx, errors.Join(err, head.Err(), payload.Err(), live.Err()))
	}
	if errors.Is(payload.Err(), redis.Nil) {
		return route{}, notFound(tenantID)
	}
	r.payload = []byte(payload.Val())
	if err := r.parse(head.Val()); err != nil {
		return route{}, badRoute(tenantID, err)
	}
	r.confirmed = live.Val() == mark(r.target())
	var err error
	if r.colour, err = g.config.Decode(r.payload); err != nil {
		return route{}, badRoute(tenantID, fmt.Errorf("the payload cannot be read: %w", err))
	}
	if r.colour == "" {
		return route{}, badRoute(tenantID, errors.New("no colour"))
	}
	return r, nil
}

var errOtherMeans = errors.New("it was written by other means")

// parse takes in the fields of the head, which has to be that of the payload.
func (r *route) parse(head map[string]string) (err error) {
	if r.rev, err = strconv.ParseUint(head["rev"], 10, 64); err != nil || r.rev == 0 {
		return errOtherMeans
	}
	r.version, r.wid, r.sum, r.fence, r.ackPos = head["version"], head["wid"], head["sum"], head["fence"], head["ackpos"]
	if sum := sha256.Sum256(r.payload); hex.EncodeToString(sum[:]) != r.sum {
		return errOtherMeans
	}
	return nil
}

// mark is what the live key holds for a write.
func mark(t redisack.Target) string { return strconv.FormatUint(t.Rev, 10) + ":" + t.WriteID }

// markTimeout bounds the writing of a mark.
const markTimeout = time.Second

// markLive remembers that the clients run a write. Without the mark they are
// asked again next time, which is why its loss is no failure.
func (g *Gateway) markLive(ctx context.Context, t redisack.Target) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTimeout)
	defer cancel()
	_ = g.rdb.Set(ctx, keysOf(t.Key).live, mark(t), 0).Err()
}
