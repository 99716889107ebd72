package redisserver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// keeps is the policy with which a full server refuses writes and evicts nothing.
const keeps = "noeviction"

// Eviction means that a server evicts keys when its memory is full. It is an error that components
// wrap in their own errors.
type Eviction struct {
	Addr   string // the server's address as the client knows it; empty if unknown
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

// FindEviction asks every master that rdb knows whether it may evict keys. It returns the settings
// of the first master that may, or nil if no master is known to evict keys. A server that refuses
// INFO (by an ACL, for instance), or does not report its limit or its policy, counts as evicting
// nothing, and a master that does not answer while others do is skipped. If no server could be
// asked, the error is the client's own, unchanged.
//
// FindEviction may take as long as the client's timeouts and retries, for example because a cluster
// client first asks a frozen node for the slots. Callers therefore use internal/await.
func FindEviction(ctx context.Context, rdb redis.UniversalClient) (*Eviction, error) {
	return findOnMasters(ctx, rdb, ask)
}

// ask asks one server for its limit and policy.
func ask(ctx context.Context, rdb redis.Cmdable, addr string) (*Eviction, error) {
	info, err := rdb.Info(ctx, "memory").Result()
	if err != nil {
		var answer redis.Error
		if errors.As(err, &answer) && (redis.IsPermissionError(err) || strings.Contains(err.Error(), "section") ||
			strings.Contains(err.Error(), "unknown command")) {
			return nil, nil //nolint:nilnil // the server does not report it
		}
		return nil, err
	}
	limit, err := strconv.ParseInt(Field(info, "maxmemory"), 10, 64)
	policy := Field(info, "maxmemory_policy")
	if err != nil || limit <= 0 || policy == "" || policy == keeps {
		return nil, nil //nolint:nilnil // it keeps its keys, or does not report its settings
	}
	return &Eviction{Addr: addr, Policy: policy, Limit: limit}, nil
}

// Field returns the value of a line "name:value" of an INFO answer, or "" if there is no such line.
func Field(info, name string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
