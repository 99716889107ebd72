package redisack

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// acks asks the shared reader. In a cluster each stream is read from the master of its slot, so a
// frozen node delays only the streams whose slots it serves.
func (b *redisBackend) acks(ctx context.Context, names wire.Names, after string, gaps bool) (ackPage, error) {
	req := ackRequest{stream: names.Acks, after: after, gaps: gaps && after != noAcks, once: gaps}
	for {
		a, err := b.readAtMaster(ctx, req)
		if err != nil {
			return ackPage{next: after}, err
		}
		if len(a.entries) > 0 || req.once {
			return pageOf(a, after), nil
		}
	}
}

// slots is the part of a cluster client that knows which node serves which slot.
type slots interface {
	MasterForKey(ctx context.Context, key string) (*redis.Client, error)
	ReloadState(ctx context.Context)
}

// readAtMaster sends the request to the server that holds the stream. If the client's map of the
// cluster is out of date, the cluster client itself reads once, because it follows a slot that is
// being moved; all such reads of all runs share one further pipeline. Such a read may return no
// entries.
func (b *redisBackend) readAtMaster(ctx context.Context, req ackRequest) (ackAnswer, error) {
	cluster, ok := b.rdb.(slots)
	if !ok {
		return b.reader.read(ctx, "", b.rdb, req)
	}
	master, err := cluster.MasterForKey(ctx, req.stream)
	if err != nil {
		return ackAnswer{}, err
	}
	a, err := b.reader.read(ctx, master.Options().Addr, master, req)
	if err == nil || ctx.Err() != nil {
		return a, err
	}
	cluster.ReloadState(ctx)
	if !elsewhere(err) {
		return a, err
	}
	req.once = true
	return b.reader.read(ctx, "", b.rdb, req)
}

// elsewhere reports whether the server that was asked does not serve the slot, or has left the
// cluster.
func elsewhere(err error) bool {
	return redis.HasErrorPrefix(err, "MOVED") || redis.HasErrorPrefix(err, "ASK") || errors.Is(err, redis.ErrClosed)
}

func pageOf(a ackAnswer, after string) ackPage {
	page := ackPage{next: after, trimmed: a.trimmed}
	for _, entry := range a.entries {
		page.next = entry.ID
		if ack, ok := wire.ParseAck(entry.Values); ok {
			page.acks = append(page.acks, ack)
		}
	}
	return page
}
