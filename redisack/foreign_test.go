package redisack

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
)

// TestPayloadChangedByHand sets the key by other means, so that the head no longer describes it,
// and checks that writing the same version again restores the payload.
func TestPayloadChangedByHand(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, rdb *redis.Client) {
		t.Helper()
		ctx := t.Context()
		c := connect(t, rdb, Config{})
		for _, field := range []string{"", "f"} {
			for _, size := range []int{3, stageAbove, stageAbove + 1} {
				key := fmt.Sprint("k", field, size)
				ch := Change{Key: key, Field: field, Version: "v1", Payload: make([]byte, size)}
				if _, err := c.Write(ctx, ch); err != nil {
					t.Fatal(err)
				}
				if target, err := c.Write(ctx, ch); err != nil || target.Outcome != OutcomeUnchanged {
					t.Errorf("%d bytes: %+v, %v", size, target, err)
				}
				spoil := redis.NewCmd(ctx, "SET", key, "by hand")
				read := redis.NewStringCmd(ctx, "GET", key)
				if field != "" {
					spoil = redis.NewCmd(ctx, "HSET", key, field, "by hand")
					read = redis.NewStringCmd(ctx, "HGET", key, field)
				}
				if err := rdb.Process(ctx, spoil); err != nil {
					t.Fatal(err)
				}
				target, err := c.Write(ctx, ch)
				_ = rdb.Process(ctx, read)
				if err != nil || target.Outcome != OutcomeWritten || target.Rev != 2 || len(read.Val()) != size {
					t.Errorf("%d bytes: %+v, %v", size, target, err)
				}
				if n := rdb.Exists(ctx, ch.names().Stage(target.WriteID)).Val(); n != 0 {
					t.Error("a staged payload is left")
				}
			}
		}
	})
}
