package redistable_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/redistable"
	"github.com/cutover-go/cutover/internal/abreast"
	"github.com/cutover-go/cutover/internal/redistest"
)

// writerEnv has the address of the Redis to which a process of TestProcessesAtOnce writes; the
// argument after the flags is its name.
const writerEnv = "CUTOVER_REDISTABLE_WRITER"

func TestMain(m *testing.M) {
	flag.Parse()
	if addr := os.Getenv(writerEnv); addr != "" {
		if err := write(addr, flag.Arg(0)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	abreast.Tests(4)
	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
}

// saves is how many rows each process saves, one at a time.
const saves = 100

// write saves rows of its own, again and again until no other process was faster.
func write(addr, process string) error {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { _ = rdb.Close() }()
	table, err := redistable.New(rdb, name)
	if err != nil {
		return err
	}
	for n := 0; n < saves; {
		_, rev, err := table.Load(ctx)
		if err == nil {
			_, err = table.Update(ctx, gateway.Rows{fmt.Sprint(process, "-", n): {Colour: "blue", Rev: rev + 1}}, rev)
		}
		switch {
		case err == nil:
			n++
		case !errors.Is(err, gateway.ErrConflict):
			return err
		}
	}
	return nil
}

// TestProcessesAtOnce lets processes save at once: no save is lost, and none is made twice.
func TestProcessesAtOnce(t *testing.T) {
	t.Parallel()
	const processes = 3
	server := redistest.Start(t)
	ended := make(chan error, processes)
	for i := range processes {
		cmd := exec.CommandContext(t.Context(), os.Args[0], fmt.Sprint("process-", i))
		cmd.Env = append(os.Environ(), writerEnv+"="+server.Addr())
		go func() {
			out, err := cmd.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			ended <- err
		}()
	}
	for range processes {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	rows, rev, err := newTable(t, server.Client()).Load(t.Context())
	if err != nil || rev != processes*saves || len(rows) != processes*saves {
		t.Errorf("%d rows, revision %d, %v", len(rows), rev, err)
	}
	seen := map[uint64]string{}
	for tenant, row := range rows {
		if other, twice := seen[row.Rev]; twice {
			t.Errorf("%s and %s have revision %d", tenant, other, row.Rev)
		}
		seen[row.Rev] = tenant
	}
}
