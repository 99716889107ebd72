package renewal

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"
)

// redisScan reads the keys of one node after another.
type redisScan struct {
	backend *redisBackend
	match   string
	count   int64

	started bool
	nodes   []redis.UniversalClient
	cursor  uint64
}

func (b *redisBackend) scan(match string, count int) scan {
	return &redisScan{backend: b, match: match, count: int64(count)}
}

func (s *redisScan) page(ctx context.Context) (keys []string, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.backend.timeout)
	defer cancel()
	if !s.started {
		if err := s.start(ctx); err != nil {
			return nil, false, err
		}
	}
	if len(s.nodes) == 0 {
		return nil, false, errors.New("renewal: the cluster has no masters")
	}
	keys, s.cursor, err = s.nodes[0].Scan(ctx, s.cursor, s.match, s.count).Result()
	if err != nil || s.cursor == 0 {
		s.cursor, s.nodes = 0, s.nodes[1:]
	}
	return keys, len(s.nodes) > 0, explained(err)
}

// start finds the nodes to scan.
func (s *redisScan) start(ctx context.Context) error {
	s.started = true
	b := s.backend
	if b.cluster == nil {
		s.nodes = []redis.UniversalClient{bounded(b.rdb, b)}
		return nil
	}
	var mu sync.Mutex // ForEachMaster calls from several goroutines
	return b.cluster.ForEachMaster(ctx, func(_ context.Context, client *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		s.nodes = append(s.nodes, bounded(client, b))
		return nil
	})
}

// bounded is the client with the timeout of a call.
func bounded(rdb redis.UniversalClient, b *redisBackend) redis.UniversalClient {
	if client, ok := rdb.(*redis.Client); ok {
		return client.WithTimeout(b.timeout)
	}
	return rdb
}
