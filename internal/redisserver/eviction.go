package redisserver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience is how long a look waits for the other masters of a cluster once one has
// answered. A frozen one is left for the next look.
const patience = time.Second

// keeps is the policy under which a full server refuses writes and drops nothing.
const keeps = "noeviction"

// Eviction says that a server drops keys by itself when its memory is full. It is an
// error, for components to wrap in their own.
type Eviction struct {
	Addr   string // the server, as the client knows it; empty if that does not tell
	Policy string // its maxmemory-policy
	Limit  int64  // its maxmemory, in bytes
}

func (e *Eviction) Error() string {
	where := ""
	if e.Addr != "" {
		where = e.Addr + ": "
	}
	return fmt.Sprintf("%sat maxmemory %d its maxmemory-policy %s drops keys that are in use; set it to %s",
		where, e.Limit, e.Policy, keeps)
}

// FindEviction asks every master that rdb knows whether it may drop keys, and returns the
// first that does, nil if none is known to. A server that refuses INFO (by an ACL, say) or
// does not tell its limit or its policy proves nothing, and a master that is silent while
// others answer is passed over. The error is that of the client, as it came, if nobody
// could be asked.
//
// It may take as long as the client's timeouts and retries, also because a cluster client
// may ask a frozen node for the slots first: callers go through internal/await.
func FindEviction(ctx context.Context, rdb redis.UniversalClient) (*Eviction, error) {
	switch c := rdb.(type) {
	case interface {
		ForEachMaster(ctx context.Context, fn func(context.Context, *redis.Client) error) error
	}:
		return askAll(ctx, c.ForEachMaster)
	case interface {
		ForEachShard(ctx context.Context, fn func(context.Context, *redis.Client) error) error
	}:
		return askAll(ctx, c.ForEachShard)
	case *redis.Client:
		return ask(ctx, c, c.Options().Addr)
	}
	return ask(ctx, rdb, "")
}

// verdict is what one server said, or that there are no more.
type verdict struct {
	found *Eviction
	err   error
	end   bool
}

// askAll asks all servers at once. Those that are passed over are asked until the client
// gives up.
func askAll(ctx context.Context, each func(context.Context, func(context.Context, *redis.Client) error) error) (*Eviction, error) {
	verdicts := make(chan verdict)
	left := make(chan struct{})
	defer close(left)
	tell := func(v verdict) {
		select {
		case verdicts <- v:
		case <-left:
		}
	}
	go func() {
		err := each(ctx, func(ctx context.Context, c *redis.Client) error {
			found, err := ask(ctx, c, c.Options().Addr)
			tell(verdict{found: found, err: err})
			return nil
		})
		tell(verdict{err: err, end: true})
	}()
	var (
		late     <-chan time.Time
		answered bool
		fault    error
	)
	for {
		select {
		case v := <-verdicts:
			switch {
			case v.found != nil:
				return v.found, nil
			case v.err != nil:
				fault = v.err
			case !v.end && !answered:
				answered = true
				timer := time.NewTimer(patience)
				defer timer.Stop()
				late = timer.C
			}
			if !v.end {
				continue
			}
			if answered {
				return nil, nil //nolint:nilnil // no fact, and no fault
			}
			return nil, fault
		case <-late:
			return nil, nil //nolint:nilnil // no fact, and no fault
		}
	}
}

// ask asks one server.
func ask(ctx context.Context, rdb redis.Cmdable, addr string) (*Eviction, error) {
	info, err := rdb.Info(ctx, "memory").Result()
	if err != nil {
		var answer redis.Error
		if errors.As(err, &answer) && (redis.IsPermissionError(err) || strings.Contains(err.Error(), "section") ||
			strings.Contains(err.Error(), "unknown command")) {
			return nil, nil //nolint:nilnil // it does not tell
		}
		return nil, err
	}
	limit, err := strconv.ParseInt(Field(info, "maxmemory"), 10, 64)
	policy := Field(info, "maxmemory_policy")
	if err != nil || limit <= 0 || policy == "" || policy == keeps {
		return nil, nil //nolint:nilnil // it keeps its keys, or does not tell
	}
	return &Eviction{Addr: addr, Policy: policy, Limit: limit}, nil
}

// Field returns the value of a line "name:value" of an INFO answer, empty if there is none.
func Field(info, name string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
