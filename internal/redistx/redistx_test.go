package redistx_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/internal/redistx"
)

// TestBusyIsNamed: a server that is busy with a script refuses the whole transaction. The error of
// Exec is nevertheless BUSY.
func TestBusyIsNamed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--busy-reply-threshold", "10")
	o := server.Options()
	o.ReadTimeout, o.MaxRetries = time.Minute, -1
	long := redis.NewClient(o)
	t.Cleanup(func() { _ = long.Close() })
	ended := make(chan error, 1)
	go func() { ended <- long.Eval(t.Context(), "while true do end", nil).Err() }()
	rdb := server.Client()
	for end := time.Now().Add(20 * time.Second); !redis.HasErrorPrefix(rdb.Get(t.Context(), "key").Err(), "BUSY"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server is not busy")
		}
	}
	pipe := rdb.TxPipeline()
	pipe.Get(t.Context(), "key")
	pipe.HGetAll(t.Context(), "hash")
	err := redistx.Exec(t.Context(), pipe)
	if !redis.HasErrorPrefix(err, "BUSY") {
		t.Errorf("error %v, want BUSY", err)
	}
	if err := rdb.Do(t.Context(), "SCRIPT", "KILL").Err(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the script has ended")
	}
}
