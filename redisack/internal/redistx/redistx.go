// Package redistx reads from Redis by transactions. Those go to the master also where the client is set to read from
// replicas; a replica that is behind would tell that a write is lost.
package redistx

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// Exec runs a pipeline made by TxPipeline. A missing key is no error. Of a transaction that is refused Redis itself says
// no more than EXECABORT: Exec returns why the command in it was.
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

// Torn reports whether a transaction over several keys was refused because the cluster slot of its keys is being moved
// and no node has all of them. Read one by one they are found.
func Torn(err error) bool {
	for _, prefix := range []string{"TRYAGAIN", "ASK", "MOVED", "EXECABORT"} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}
