package redisserver_test

import (
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/internal/redistest"
)

func TestDenied(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	// The name of the user contains words that also occur in refusals.
	rule := []any{
		"ACL", "SETUSER", "my_key_channel", "on", ">pass", "~mine:*", "&mine", "%R~read", "+eval", "+get", "+set", "+hset", "+publish",
		"+xadd", "+msetnx", "+unlink",
	}
	if err := server.Client().Do(t.Context(), rule...).Err(); err != nil {
		t.Fatal(err)
	}
	o := server.Options()
	o.Username, o.Password = "my_key_channel", "pass"
	rdb := redis.NewClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	permitted := [][]string{
		{"GET", "mine:1"},
		{"GET", "read"},
		{"HSET", "mine:1"},
		{"XADD", "mine:1"},
		{"MSETNX", "mine:1"},
		{"UNLINK", "mine:1"},
		{"PUBLISH", "mine", "0"},
		{"EVAL", "return 1", "0"},
	}
	for range 2 { // the second time by a read-only call
		if found, err := redisserver.FindDenied(t.Context(), rdb, permitted); found != nil || err != nil {
			t.Fatalf("found %v, %v", found, err)
		}
		found, err := redisserver.FindDenied(t.Context(), rdb, append(permitted, [][]string{
			{"TIME"},
			{"ZADD", "mine:1"},
			{"ZADD", "mine:2"},
			{"SET", "read"},
			{"MSETNX", "other"},
			{"XADD", "other"},
			{"UNLINK", "other2"},
			{"PUBLISH", "channel", "0"},
			{"SUBSCRIBE"},
			{"WAIT", "0", "0"},
			{"NOSUCHTHING"},
		}...))
		if err != nil || found == nil || found.Addr != server.Addr() ||
			!slices.Equal(found.Commands, []string{"NOSUCHTHING", "SUBSCRIBE", "TIME", "WAIT", "ZADD"}) ||
			!slices.Equal(found.Keys, []string{"other", "other2", "read"}) || !slices.Equal(found.Channels, []string{"channel"}) {
			t.Errorf("found %+v, %v", found, err)
		}
		if err := server.Client().Do(t.Context(), "ACL", "SETUSER", "my_key_channel", "+eval_ro").Err(); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.Client().DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys were written", n)
	}
	if found, err := redisserver.FindDenied(t.Context(), redistest.Mini(t), [][]string{{"GET", "x"}}); found != nil || err != nil {
		t.Errorf("an imitation: found %v, %v", found, err)
	}
}
