//go:build rivals

package sqlbench

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	_ "github.com/dbos-inc/dbos-transact-golang/dbos/driver/sqlite" // DBOS's own
	"github.com/jackc/pgx/v5/pgxpool"
)

// workflow has three steps, of which the first two return what is saved.
func workflow(c dbos.Context, _ int) (string, error) {
	for step := range 3 {
		if _, err := dbos.RunAsStep(c, func(context.Context) (string, error) {
			if step == 2 {
				return "ok", nil
			}
			return payload(), nil
		}); err != nil {
			return "", err
		}
	}
	return "ok", nil
}

func dbosOnPostgres(r *run) {
	cfg, err := pgxpool.ParseConfig(r.url)
	r.ok(err)
	cfg.MaxConns = int32(min(r.flight+8, 80))
	pool, err := pgxpool.NewWithConfig(r.ctx, cfg)
	r.ok(err)
	defer pool.Close()
	dbosRun(r, dbos.Config{SystemDBPool: pool})
	r.bytes = sizeOf(r, "dbos", "") / float64(r.n)
}

// dbosOnSQLite runs DBOS on a file. Without a parameter a commit is not on the disk when it is
// answered.
func dbosOnSQLite(parameters string) func(r *run) {
	return func(r *run) { dbosRun(r, dbos.Config{DatabaseURL: "sqlite:" + r.file + parameters}) }
}

func dbosRun(r *run, cfg dbos.Config) {
	cfg.AppName, cfg.ApplicationVersion = "bench", "1"
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	c, err := dbos.NewContext(r.ctx, cfg)
	r.ok(err)
	dbos.RegisterWorkflow(c, workflow)
	r.ok(dbos.Launch(c))
	defer dbos.Shutdown(c, 5*time.Second)
	r.created() // creation is part of the run: a workflow is created when it begins
	var next atomic.Int64
	var group sync.WaitGroup
	for range r.flight {
		group.Go(func() {
			for i := next.Add(1); i <= int64(r.n); i = next.Add(1) {
				h, err := dbos.RunWorkflow(c, workflow, int(i), dbos.WithWorkflowID(fmt.Sprintf("tenant-%07d", i)))
				if err == nil {
					_, err = h.GetResult()
				}
				if err != nil {
					r.Error(err)
				}
			}
		})
	}
	group.Wait()
	r.done()
}
