// Package redistx reads from Redis in transactions. A transaction goes to the master even if the
// client is set to read from replicas; a replica that lags behind would make a write look lost.
//
// Redis refuses some transactions whose commands it would serve one by one: while it is full, and
// over keys of a cluster slot that is being moved. The caller then reads the keys one by one; see
// [Refused] and [Apart].
package redistx

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Exec runs a pipeline made by TxPipeline. A missing key is not an error. For a transaction that is
// refused, Redis itself returns only EXECABORT; Exec returns why a command in it was refused.
func Exec(ctx context.Context, pipe redis.Pipeliner) error {
	cmds, err := pipe.Exec(ctx)
	if err == nil || errors.Is(err, redis.Nil) {
		return nil
	}
	if redis.HasErrorPrefix(err, "EXECABORT") {
		for _, cmd := range cmds {
			if why := cmd.Err(); why != nil && !redis.HasErrorPrefix(why, "EXECABORT") && !errors.Is(why, redis.Nil) {
				return why
			}
		}
	}
	return err
}

// Refused reports whether Redis has refused commands only because they were in a transaction:
// either Redis is full and does not queue them, or the slot of the keys is being moved and no node
// has all the keys. An error that names a missing permission does not count.
func Refused(err error) bool {
	if err == nil || strings.Contains(err.Error(), "NOPERM") {
		return false
	}
	for _, prefix := range []string{"OOM", "TRYAGAIN", "ASK", "MOVED", "EXECABORT"} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

// alone is a script, so that a command goes to the master even though it only reads.
const alone = "return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))"

// Apart reads one key at the master without a transaction.
func Apart(ctx context.Context, rdb redis.UniversalClient, command, key string, args ...any) *redis.Cmd {
	return rdb.Eval(ctx, alone, []string{key}, append([]any{command}, args...)...)
}

// Pairs returns the fields in the answer to an HGETALL sent through [Apart].
func Pairs(cmd *redis.Cmd) (map[string]string, error) {
	flat, err := cmd.StringSlice()
	if err != nil {
		return nil, err
	}
	if len(flat)%2 != 0 {
		return nil, fmt.Errorf("a hash of %d words", len(flat))
	}
	fields := make(map[string]string, len(flat)/2)
	for i := 0; i < len(flat); i += 2 {
		fields[flat[i]] = flat[i+1]
	}
	return fields, nil
}
