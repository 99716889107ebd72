package redisack

import (
	"context"
	_ "embed" // for the script
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistx"
	"github.com/cutover-go/cutover/redisack/internal/wire"
)

//go:embed scripts/write.lua
var writeSource string

const (
	// stageAbove is the size in bytes above which a payload is sent ahead with a plain SET, because
	// as an argument of a script a megabyte costs seven times as much.
	stageAbove = 64 << 10
	// stageLife is the TTL of a staged payload, in case its write never arrives.
	stageLife = time.Minute
)

// redisBackend implements backend with any kind of go-redis client.
type redisBackend struct {
	rdb    redis.UniversalClient
	script *redis.Script
	keeper *keeper
	reader ackReader
}

func newRedisBackend(rdb redis.UniversalClient) *redisBackend {
	return &redisBackend{
		rdb: rdb, script: redis.NewScript(writeSource), keeper: newKeeper(rdb), reader: ackReader{servers: make(map[string]*ackServer)},
	}
}

// once is a command that go-redis does not retry. This package retries it, and needs the outcome of
// each attempt.
type once struct{ *redis.Cmd }

// NoRetry keeps go-redis from sending the command again.
func (once) NoRetry() bool { return true }

// marked is an argument of a command. go-redis encodes it at the moment when it writes the command
// to the connection.
type marked struct {
	text    string
	sending *sending
}

// MarshalBinary marks the command as sent. If the caller has abandoned the command, MarshalBinary
// stops it with an error.
func (m marked) MarshalBinary() ([]byte, error) {
	if !m.sending.begin() {
		return nil, errAbandoned
	}
	return []byte(m.text), nil
}

// late is an argument of a command that is made when go-redis writes the command to the connection,
// after a payload that is sent ahead.
type late func() string

// MarshalBinary makes the argument.
func (l late) MarshalBinary() ([]byte, error) { return []byte(l()), nil }

var errAbandoned = errors.New("redisack: the write was given up before it was sent")

func (b *redisBackend) write(ctx context.Context, req writeRequest) (writeReply, error) {
	if !req.purpose.restore { // a rollback must restore the payload on any server
		if err := b.keeper.check(ctx); err != nil {
			return writeReply{}, err
		}
	}
	send := b.sendInline
	if len(req.Payload) > stageAbove && !req.purpose.restore { // a full server would refuse a payload sent ahead
		send = b.sendStaged
	}
	reply, err := send(ctx, req, "evalsha", b.script.Hash())
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		return send(ctx, req, "eval", writeSource)
	}
	return reply, err
}

func (b *redisBackend) sendInline(ctx context.Context, req writeRequest, verb, script string) (writeReply, error) {
	cmd := redis.NewCmd(ctx, req.arguments(verb, script, false)...)
	if err := b.rdb.Process(ctx, once{cmd}); err != nil {
		return writeReply{}, err
	}
	return parseWriteReply(cmd)
}

// sendStaged sends the payload ahead of the script, in the same round trip.
func (b *redisBackend) sendStaged(ctx context.Context, req writeRequest, verb, script string) (writeReply, error) {
	cmd := redis.NewCmd(ctx, req.arguments(verb, script, true)...)
	pipe := b.rdb.Pipeline()
	ahead := pipe.Set(ctx, req.names.Stage(req.WriteID), req.Payload, stageLife)
	if err := pipe.Process(ctx, once{cmd}); err != nil {
		return writeReply{}, err
	}
	if _, err := pipe.Exec(ctx); cmd.Err() != nil {
		return writeReply{}, err
	}
	reply, err := parseWriteReply(cmd)
	if reply.outcome == "unstaged" && ahead.Err() != nil {
		return writeReply{}, ahead.Err() // the reason why the payload is missing
	}
	return reply, err
}

// arguments returns the arguments for scripts/write.lua.
func (req writeRequest) arguments(verb, script string, staged bool) []any {
	n := req.names
	args := []any{verb, script, 5, n.Data, n.Head, n.Prev, n.Acks, n.Stage(req.WriteID)}
	publish := "PUBLISH"
	if req.sharded {
		args[2] = 6
		args = append(args, req.Channel)
		publish = "SPUBLISH"
	}
	mode, payload := "inline", req.Payload
	if staged {
		mode, payload = "staged", nil
	}
	rewrite := "0"
	if req.Rewrite {
		rewrite = "1"
	}
	notice := wire.Notice{Key: req.Key, Field: req.Field, Version: req.Version, WriteID: req.WriteID}
	before, after := notice.Around()
	return append(args, marked{req.WriteID, req.sending}, req.Version, late(req.sum), canonical(req.Fence), req.IfRev.String(),
		strconv.FormatInt(req.TTL.Milliseconds(), 10), req.Field, mode, payload, rewrite,
		publish, req.Channel, before, after, req.purpose.letters())
}

func parseWriteReply(cmd *redis.Cmd) (writeReply, error) {
	v, err := cmd.StringSlice()
	if err != nil {
		return writeReply{}, err
	}
	const fields = 10
	if len(v) != fields {
		return writeReply{}, fmt.Errorf("write script answered with %d fields", len(v))
	}
	rev, err := strconv.ParseUint(v[1], 10, 64)
	if err != nil {
		return writeReply{}, fmt.Errorf("write script answered with revision %q", wire.Clean(v[1], 40))
	}
	receivers, _ := strconv.ParseInt(v[4], 10, 64)
	found, _ := strconv.ParseUint(v[6], 10, 64)
	return writeReply{
		outcome:   v[0],
		rev:       rev,
		at:        wire.Millis(v[2]),
		ackPos:    v[3],
		receivers: receivers,
		note:      wire.Clean(v[5], wire.MaxErrorText),
		found:     Found{Rev: found, WriteID: v[7], Version: v[8], Sum: v[9]},
	}, nil
}

func (b *redisBackend) head(ctx context.Context, names wire.Names) (wire.Head, bool, error) {
	pipe := b.rdb.TxPipeline()
	cmd := pipe.HGetAll(ctx, names.Head)
	err := redistx.Exec(ctx, pipe)
	fields := cmd.Val()
	if redistx.Refused(err) {
		fields, err = redistx.Pairs(redistx.Apart(ctx, b.rdb, "HGETALL", names.Head))
	}
	if err != nil {
		return wire.Head{}, false, err
	}
	return wire.ParseHead(fields)
}

func (b *redisBackend) previous(ctx context.Context, names wire.Names) (previous, bool, error) {
	pipe := b.rdb.TxPipeline()
	payload, life := pipe.Get(ctx, names.Prev), pipe.PTTL(ctx, names.Prev)
	err := redistx.Exec(ctx, pipe)
	text, missing := payload.Result()
	left := life.Val()
	if redistx.Refused(err) {
		text, missing = redistx.Apart(ctx, b.rdb, "GET", names.Prev).Text()
		var ms int64
		ms, err = redistx.Apart(ctx, b.rdb, "PTTL", names.Prev).Int64()
		left = time.Duration(ms) * time.Millisecond
	}
	switch {
	case err != nil:
		return previous{}, false, err
	case errors.Is(missing, redis.Nil):
		return previous{}, false, nil
	case missing != nil:
		return previous{}, false, missing
	}
	expiring := left == 0 // less than a millisecond is left; without a TTL it is negative
	return previous{payload: []byte(text), ttl: max(left, 0)}, !expiring, nil
}
