package redisack

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// TestHeadRemembersTheLastWrites checks that the head names the last 16 writes, the oldest first,
// so that a late repeat of one of them writes nothing, and that an id within another one is no
// repeat.
func TestHeadRemembersTheLastWrites(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, rdb *redis.Client) {
		t.Helper()
		c := connect(t, rdb, Config{})
		var want []string
		for i := 1; i <= 20; i++ {
			id := fmt.Sprintf("write-%d", i)
			if _, err := c.Write(t.Context(), Change{Key: "k", Version: id, WriteID: id}); err != nil {
				t.Fatal(err)
			}
			want = append(want, fmt.Sprintf("%s:%d", id, i))
			if got := rdb.HGet(t.Context(), "{k}:head", "recent").Val(); got != strings.Join(want[max(0, i-16):], " ") {
				t.Fatalf("after %d writes the head names %q", i, got)
			}
		}
		_, err := c.Write(t.Context(), Change{Key: "k", Version: "write-5", WriteID: "write-5"})
		if !errors.Is(err, ErrSuperseded) {
			t.Errorf("a repeat of the sixteenth write from the end: %v", err)
		}
		for _, id := range []string{"write-4", "write-2", "rite-20", "write-200"} {
			if got, err := c.Write(t.Context(), Change{Key: "k", Version: id, WriteID: id}); err != nil || got.Outcome != OutcomeWritten {
				t.Errorf("%s: %v, %v", id, got.Outcome, err)
			}
		}
	})
}
