package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/store/redisstore"
)

// sequenceTasks is the number of tasks in the plan of each round. Such a plan takes a few tenths of
// a second.
const sequenceTasks = 500

// sequenceRound is one round: a sequential plan, then bare round trips of a script that does
// nothing, then single transitions of the floor, each of these for as long as the plan took. All
// times are medians of single calls or tasks.
type sequenceRound struct {
	bare, floor time.Duration
	// The times of commits that save, of commits that end a task and claim the next, and of all
	// commits.
	save, end, commit time.Duration
	task              time.Duration // from the end of a task to the end of the next
	commits           float64       // commits per task
}

// trips returns the time of as many bare round trips as a task has commits. The commits of a task
// cannot take less.
func (r *sequenceRound) trips() time.Duration { return time.Duration(r.commits * float64(r.bare)) }

// sequence runs plans one task at a time and, after each plan, the calls with which its commits are
// compared, on the same client.
func sequence(rounds int, serverArgs []string) error {
	ctx := context.Background()
	server, err := startServer(ctx, serverArgs)
	if err != nil {
		return err
	}
	defer server.stop()
	rdb := newClient(server.addr)
	s, err := redisstore.Open(ctx, rdb, redisstore.Config{})
	if err != nil {
		return err
	}
	t := &timed{Store: s}
	h, err := startHost(ctx, rdb, t, 1)
	if err != nil {
		return err
	}
	defer h.close()
	var all []sequenceRound
	for round := range rounds {
		r, err := inSequence(ctx, h, t, fmt.Sprintf("sequence-%d", round))
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	return sequenceTable(all)
}

// inSequence runs one round.
func inSequence(ctx context.Context, h *host, t *timed, name string) (r sequenceRound, err error) {
	id, err := h.create(ctx, name, sequenceTasks, 1)
	if err != nil {
		return r, err
	}
	t.take()
	began := time.Now()
	if err := h.finish(ctx, id); err != nil {
		return r, err
	}
	took := time.Since(began)
	r.count(t.take())
	if r.bare, err = bareTrips(ctx, h.rdb, took); err != nil {
		return r, err
	}
	r.floor, err = floorTrips(ctx, h.rdb, took)
	return r, err
}

// count computes the medians of the commits of a plan.
func (r *sequenceRound) count(commits []commit) {
	var all, saves, ends, tasks []time.Duration
	var last time.Time
	for _, c := range commits {
		all = append(all, c.took)
		if !c.ends {
			saves = append(saves, c.took)
			continue
		}
		ends = append(ends, c.took)
		if !last.IsZero() {
			tasks = append(tasks, c.ended.Sub(last))
		}
		last = c.ended
	}
	r.commit, r.save, r.end, r.task = median(all), median(saves), median(ends), median(tasks)
	r.commits = float64(len(all)) / sequenceTasks
}

// bareTrips returns the median time of a script that does nothing.
func bareTrips(ctx context.Context, rdb *redis.Client, long time.Duration) (time.Duration, error) {
	script := redis.NewScript("return 1")
	return repeat(long, func() error { return script.Run(ctx, rdb, nil).Err() })
}

// floorTrips returns the median time of one transition of the floor.
func floorTrips(ctx context.Context, rdb *redis.Client, long time.Duration) (time.Duration, error) {
	script, next := redis.NewScript(floorScript), 0
	return repeat(long, func() error {
		t := transition{task: next / 4 % sequenceTasks, version: next % 4}
		// All tasks are done, or none exists yet. Creating them does not affect the median.
		if t == (transition{}) {
			if err := floorCreate(ctx, rdb, sequenceTasks); err != nil {
				return err
			}
		}
		next++
		return floorApply(ctx, rdb, script, []transition{t})
	})
}

// repeat calls f until the duration long has passed, and returns the median of the times.
func repeat(long time.Duration, f func() error) (time.Duration, error) {
	var times []time.Duration
	for end := time.Now().Add(long); time.Now().Before(end); {
		began := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(began))
	}
	return median(times), nil
}

func sequenceTable(all []sequenceRound) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "round\tbare\tfloor\tsave\tend\tcommit\tx floor\ttask\tcommits\tx bare\t")
	row := func(name string, r sequenceRound) {
		fmt.Fprintf(w, "%s\t%v\t%v\t%v\t%v\t%v\t%.2f\t%v\t%.2f\t%.2f\t\n", name, micros(r.bare), micros(r.floor),
			micros(r.save), micros(r.end), micros(r.commit), ratio(r.commit, r.floor),
			micros(r.task), r.commits, ratio(r.task, r.trips()))
	}
	for i, r := range all {
		row(fmt.Sprint(i+1), r)
	}
	row("median", sequenceRound{
		bare:    medianBy(all, func(r sequenceRound) time.Duration { return r.bare }),
		floor:   medianBy(all, func(r sequenceRound) time.Duration { return r.floor }),
		save:    medianBy(all, func(r sequenceRound) time.Duration { return r.save }),
		end:     medianBy(all, func(r sequenceRound) time.Duration { return r.end }),
		commit:  medianBy(all, func(r sequenceRound) time.Duration { return r.commit }),
		task:    medianBy(all, func(r sequenceRound) time.Duration { return r.task }),
		commits: medianBy(all, func(r sequenceRound) float64 { return r.commits }),
	})
	return w.Flush()
}

func micros(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
