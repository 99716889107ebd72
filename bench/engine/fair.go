package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/cutover-go/cutover/plan"
)

const (
	smallPlans = 100
	smallSize  = 10
)

// waits holds percentiles of the time that the small plans of one run took, each from its start to
// its end.
type waits struct{ p50, p99 time.Duration }

// fairRound is one run of the small plans alone and one beside a large plan.
type fairRound struct{ alone, beside waits }

// fair runs many small plans, alternately alone and beside one large plan. large is the number of
// tasks of the large plan.
func fair(large, concurrency, rounds int, serverArgs []string) error {
	var all []fairRound
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "round %d\n", round+1)
		alone, err := smallOnes(0, concurrency, serverArgs)
		if err != nil {
			return err
		}
		beside, err := smallOnes(large, concurrency, serverArgs)
		if err != nil {
			return err
		}
		all = append(all, fairRound{alone, beside})
	}
	return fairTable(all)
}

func fairTable(all []fairRound) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "round\talone p50 ms\tbeside p50 ms\tx\talone p99 ms\tbeside p99 ms\tx\t")
	row := func(name string, r fairRound) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.2f\t%d\t%d\t%.2f\t\n", name,
			r.alone.p50.Milliseconds(), r.beside.p50.Milliseconds(), ratio(r.beside.p50, r.alone.p50),
			r.alone.p99.Milliseconds(), r.beside.p99.Milliseconds(), ratio(r.beside.p99, r.alone.p99))
	}
	for i, r := range all {
		row(fmt.Sprint(i+1), r)
	}
	row("median", fairRound{
		alone: waits{
			p50: medianBy(all, func(r fairRound) time.Duration { return r.alone.p50 }),
			p99: medianBy(all, func(r fairRound) time.Duration { return r.alone.p99 }),
		},
		beside: waits{
			p50: medianBy(all, func(r fairRound) time.Duration { return r.beside.p50 }),
			p99: medianBy(all, func(r fairRound) time.Duration { return r.beside.p99 }),
		},
	})
	return w.Flush()
}

// smallOnes runs the small plans concurrently on a new server, alone if large is 0, otherwise
// beside a plan with that number of tasks. It creates all plans before it starts the first.
func smallOnes(large, concurrency int, serverArgs []string) (waits, error) {
	ctx := context.Background()
	server, err := startServer(ctx, serverArgs)
	if err != nil {
		return waits{}, err
	}
	defer server.stop()
	h, err := newHost(ctx, server.addr, concurrency)
	if err != nil {
		return waits{}, err
	}
	defer h.close()
	small := make([]plan.ID, smallPlans)
	for i := range small {
		if small[i], err = h.create(ctx, fmt.Sprintf("small-%d", i), smallSize, smallSize); err != nil {
			return waits{}, err
		}
	}
	if large == 0 {
		return finishAll(ctx, h, small)
	}
	id, err := h.create(ctx, "large", large, concurrency)
	if err != nil {
		return waits{}, err
	}
	if err := h.underway(ctx, id); err != nil {
		return waits{}, err
	}
	took, err := finishAll(ctx, h, small)
	if err != nil {
		return took, err
	}
	p, err := h.engine.Plan(ctx, id)
	if err == nil && p.Over() {
		err = errors.New("the large plan was over before the small ones: give it more tasks")
	}
	return took, err
}

// finishAll starts the plans concurrently and waits until all are completed.
func finishAll(ctx context.Context, h *host, ids []plan.ID) (waits, error) {
	took := make([]time.Duration, len(ids))
	errs := make([]error, len(ids))
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() {
			began := time.Now()
			errs[i] = h.finish(ctx, id)
			took[i] = time.Since(began)
		})
	}
	all.Wait()
	slices.Sort(took)
	return waits{p50: quantile(took, 50), p99: quantile(took, 99)}, errors.Join(errs...)
}
