package redisbackend

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// scan reads the keys of all nodes, one node after the other.
type scan struct {
	backend *Backend
	match   string
	count   int64

	started bool
	nodes   []redis.UniversalClient
	cursor  uint64
}

// Scan returns a pass over the keys of all nodes.
func (b *Backend) Scan(match string, count int) backend.Scan {
	return &scan{backend: b, match: match, count: int64(count)}
}

// Page reads one page of keys.
func (s *scan) Page(ctx context.Context) (keys []string, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.backend.opt.CallTimeout)
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
	return keys, len(s.nodes) > 0, explain(err)
}

// start finds the nodes to scan.
func (s *scan) start(ctx context.Context) error {
	s.started = true
	b := s.backend
	if b.cluster == nil {
		s.nodes = []redis.UniversalClient{b.bounded(b.rdb)}
		return nil
	}
	var mu sync.Mutex // ForEachMaster calls the function from several goroutines
	return b.cluster.ForEachMaster(ctx, func(_ context.Context, client *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		s.nodes = append(s.nodes, b.bounded(client))
		return nil
	})
}

// bounded returns the client with CallTimeout as its timeout.
func (b *Backend) bounded(rdb redis.UniversalClient) redis.UniversalClient {
	if client, ok := rdb.(*redis.Client); ok {
		return client.WithTimeout(b.opt.CallTimeout)
	}
	return rdb
}
