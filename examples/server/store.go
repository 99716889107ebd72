package main

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/redisstore"
	"github.com/cutover-go/cutover/store/sqlitestore"
)

// prefix is that of all keys in Redis.
const prefix = "example-server:"

// shared is what the processes of a service share.
type shared struct {
	name  string // of the store, without passwords
	store store.Store
	world world // of the demo
	close func()
}

// shares reports whether several processes can use a store of a kind.
func shares(kind string) bool { return kind == "redis" || kind == "postgres" }

// openShared opens the store that the flag -store names.
func openShared(ctx context.Context, o options) (shared, error) {
	switch kind, address, _ := strings.Cut(o.store, ":"); kind {
	case "memory":
		w, err := openWorld("")
		return shared{kind, memstore.New(), w, func() {}}, err
	case "sqlite":
		return openFile(ctx, address, o.demo)
	case "postgres":
		if strings.HasPrefix(address, "//") {
			address = o.store // postgres://...
		}
		return openPostgres(ctx, address, o.demo)
	default:
		return openRedis(ctx, address)
	}
}

// openFile opens a file. Its locks keep out other processes.
func openFile(ctx context.Context, path string, demo bool) (shared, error) {
	s, err := sqlitestore.Open(ctx, path, sqlitestore.Config{})
	if err != nil {
		return shared{}, err
	}
	kept := ""
	if demo {
		kept = path + "-demo"
	}
	w, err := openWorld(kept)
	if err != nil {
		_ = s.Close()
		return shared{}, err
	}
	// Whatever Close says: what was answered is on the disk.
	return shared{"sqlite:" + path, s, w, func() { w.close(); _ = s.Close() }}, nil
}

func openRedis(ctx context.Context, address string) (shared, error) {
	rdb := redis.NewClient(&redis.Options{Addr: address})
	s, err := redisstore.Open(ctx, rdb, redisstore.Config{Prefix: prefix})
	if err != nil {
		_ = rdb.Close()
		return shared{}, err
	}
	return shared{"redis:" + address, s, sharedWorld{rdb}, func() { _ = rdb.Close() }}, nil
}
