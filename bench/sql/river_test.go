//go:build rivals

package sqlbench

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	_ "modernc.org/sqlite" // the driver that River has chosen
)

type deploy struct {
	Tenant int `json:"tenant"`
}

func (deploy) Kind() string { return "deploy" }

// steps saves twice in the job's metadata.
type steps struct {
	river.WorkerDefaults[deploy]
	save func(ctx context.Context, id int64, data string) error
}

func (w *steps) Work(ctx context.Context, j *river.Job[deploy]) error {
	for range 2 {
		if err := w.save(ctx, j.ID, payload()); err != nil {
			return err
		}
	}
	return nil
}

func riverOnPostgres(r *run) {
	cfg, err := pgxpool.ParseConfig(r.url)
	r.ok(err)
	cfg.MaxConns = int32(min(r.flight+8, 80))
	pool, err := pgxpool.NewWithConfig(r.ctx, cfg)
	r.ok(err)
	defer pool.Close()
	riverRun(r, riverpgxv5.New(pool), func(ctx context.Context, id int64, data string) error {
		tag, err := pool.Exec(ctx, `UPDATE river_job SET metadata = jsonb_set(metadata, '{ckpt}', to_jsonb($2::text)) WHERE id = $1`, id, data)
		if err == nil && tag.RowsAffected() != 1 {
			err = fmt.Errorf("job %d: %d rows", id, tag.RowsAffected())
		}
		return err
	})
	r.bytes = sizeOf(r, "public", "river_job") / float64(r.n)
}

func riverOnSQLite(r *run) {
	db, err := sql.Open("sqlite", "file:"+r.file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	r.ok(err)
	defer db.Close()
	db.SetMaxOpenConns(1) // as River advises
	riverRun(r, riversqlite.New(db), func(ctx context.Context, id int64, data string) error {
		_, err := db.ExecContext(ctx, `UPDATE river_job SET metadata = jsonb_set(metadata, '$.ckpt', ?) WHERE id = ?`, data, id)
		return err
	})
	_, err = db.ExecContext(r.ctx, "VACUUM INTO ?", r.file+".copy")
	r.ok(err)
	info, err := os.Stat(r.file + ".copy")
	r.ok(err)
	r.bytes = float64(info.Size()) / float64(r.n)
}

// riverRun runs the work with polls and batches tuned.
func riverRun[T any](r *run, driver riverdriver.Driver[T], save func(context.Context, int64, string) error) {
	migrator, err := rivermigrate.New(driver, nil)
	r.ok(err)
	_, err = migrator.Migrate(r.ctx, rivermigrate.DirectionUp, nil)
	r.ok(err)
	workers := river.NewWorkers()
	river.AddWorker(workers, &steps{save: save})
	client, err := river.NewClient(driver, &river.Config{
		Queues:        map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: r.flight}},
		Workers:       workers,
		Logger:        slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		FetchCooldown: time.Millisecond, FetchPollInterval: time.Millisecond,
	})
	r.ok(err)
	for first := 0; first < r.n; first += 2000 {
		var jobs []river.InsertManyParams
		for i := first; i < min(first+2000, r.n); i++ {
			jobs = append(jobs, river.InsertManyParams{Args: deploy{i}})
		}
		_, err := client.InsertManyFast(r.ctx, jobs)
		r.ok(err)
	}
	// The event of a completion follows its write.
	ended, cancel := client.SubscribeConfig(&river.SubscribeConfig{Kinds: []river.EventKind{river.EventKindJobCompleted}, ChanSize: r.n + 1000})
	defer cancel()
	r.created()
	r.ok(client.Start(r.ctx))
	for range r.n {
		<-ended
	}
	r.done()
	r.ok(client.Stop(r.ctx))
}
