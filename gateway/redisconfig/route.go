package redisconfig

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

	"github.com/cutover-go/cutover/internal/await"
	"github.com/cutover-go/cutover/internal/redistx"
	"github.com/cutover-go/cutover/redisack"
)

// keys are the Redis keys of one route that this package reads or writes itself, all in one cluster
// slot. docs/redisack.md lists the other keys of redisack.
type keys struct {
	data string // string: the payload
	head string // hash: redisack's record of the last write
	live string // string: the mark of the write that the clients were last found to run
}

func keysOf(key string) keys {
	base := key
	if !tagged(key) {
		base = "{" + key + "}"
	}
	return keys{data: key, head: base + ":head", live: base + ":live"}
}

// tagged reports whether key has a hash tag, by the rule of Redis Cluster: at least one character
// between the first { and the first } after it.
func tagged(key string) bool {
	_, rest, _ := strings.Cut(key, "{")
	return strings.Index(rest, "}") > 0
}

// route is the current write for one tenant, as read from Redis.
type route struct {
	keys
	tenantID string
	colour   string
	payload  []byte
	rev      uint64

	version, wid, sum, fence, ackPos string

	// confirmed reports that the clients were last found to run exactly this write.
	confirmed bool
}

// switchPrefix begins the id of every write that moved a tenant. The id of a write that puts a
// route back, or gives a tenant its first route, does not have it.
const switchPrefix = "switch."

// writeID returns the id of the write that carries out the change with this key. The write changes
// the colour to the value of to, and replaces revision rev. The same change at another revision is
// another write, because the tenant was moved in between.
func writeID(key, to string, rev uint64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %d", key, to, rev))
	return switchPrefix + hex.EncodeToString(sum[:16])
}

// switched reports whether the write moved the tenant. Such a write is put back if the clients do
// not confirm it.
func (r route) switched() bool { return strings.HasPrefix(r.wid, switchPrefix) && r.rev > 1 }

// target returns the write in the form in which redisack waits for it.
func (r route) target() redisack.Target {
	return redisack.Target{Key: r.data, Version: r.version, Rev: r.rev, WriteID: r.wid, Sum: r.sum, AckPos: r.ackPos}
}

// change returns the write as it was made, to send it again.
func (r route) change() redisack.Change {
	return redisack.Change{
		Key: r.data, Version: r.version, Payload: r.payload, WriteID: r.wid, Fence: r.fence, IfRev: redisack.Exact(r.rev - 1),
	}
}

// record is the content of the three keys.
type record struct {
	head          map[string]string
	payload, live string
}

// together reads all keys of a route in one transaction. A missing payload is the error redis.Nil.
func (g *Gateway) together(ctx context.Context, k keys) (record, error) {
	pipe := g.rdb.TxPipeline()
	head, payload, live := pipe.HGetAll(ctx, k.head), pipe.Get(ctx, k.data), pipe.Get(ctx, k.live)
	if err := redistx.Exec(ctx, pipe); err != nil {
		return record{}, err
	}
	return record{head.Val(), payload.Val(), live.Val()}, errors.Join(head.Err(), payload.Err())
}

// apart reads one key after the other, for a Redis that refuses to read them together. parse
// detects a write between the reads by its digest.
func (g *Gateway) apart(ctx context.Context, k keys) (record, error) {
	head, err := redistx.Pairs(redistx.Apart(ctx, g.rdb, "HGETALL", k.head))
	if err != nil {
		return record{}, err
	}
	payload, err := redistx.Apart(ctx, g.rdb, "GET", k.data).Text()
	if err != nil {
		return record{}, err
	}
	live, err := redistx.Apart(ctx, g.rdb, "GET", k.live).Text()
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return record{head, payload, live}, err
}

// read reads a tenant's route.
func (g *Gateway) read(ctx context.Context, tenantID string) (route, error) {
	r := route{keys: keysOf(g.config.Key(tenantID)), tenantID: tenantID}
	found, err := await.Value(ctx, func(ctx context.Context) (record, error) { return g.together(ctx, r.keys) })
	if redistx.Refused(err) {
		found, err = await.Value(ctx, func(ctx context.Context) (record, error) { return g.apart(ctx, r.keys) })
	}
	if errors.Is(err, redis.Nil) {
		return route{}, notFound(tenantID)
	}
	if err != nil {
		return route{}, broken(ctx, err)
	}
	r.payload = []byte(found.payload)
	if err := r.parse(found.head); err != nil {
		return route{}, badRoute(tenantID, err)
	}
	r.confirmed = found.live == mark(r.target())
	if r.colour, err = g.config.Decode(r.payload); err != nil {
		return route{}, badRoute(tenantID, fmt.Errorf("the payload cannot be read: %w", err))
	}
	if r.colour == "" {
		return route{}, badRoute(tenantID, errors.New("no colour"))
	}
	return r, nil
}

var errOtherMeans = errors.New("it was written by other means")

// parse sets the fields that the head contains. It returns errOtherMeans unless the head belongs to
// the payload.
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

// mark returns the value of the live key for a write.
func mark(t redisack.Target) string { return strconv.FormatUint(t.Rev, 10) + ":" + t.WriteID }

// markTimeout bounds the writing of a mark.
const markTimeout = time.Second

// markLive records that the clients run a write. Without the mark the clients are merely asked
// again next time, so a failure to write it is ignored.
func (g *Gateway) markLive(ctx context.Context, t redisack.Target) {
	ctx, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	_ = await.Do(ctx, func(ctx context.Context) error { return g.rdb.Set(ctx, keysOf(t.Key).live, mark(t), 0).Err() })
}
