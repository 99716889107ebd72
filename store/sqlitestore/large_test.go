package sqlitestore

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// large is the program of a child that creates a plan of n tasks, runs the first of them, and rolls
// the plan back until it has claimed that one's undo. It prints the most memory that it had, in kB.
func large(path string, n int) error {
	ctx := context.Background()
	s, err := Open(ctx, path, Config{})
	if err != nil {
		return err
	}
	c, err := s.BeginCreate(ctx, store.Create{Mark: "m", TTL: time.Hour, Plan: plan.Plan{
		Name: "large", ExecutorType: "X", TaskCount: n, Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(2)},
	}})
	for first := 1; err == nil && first <= n; first += store.MaxBatch {
		batch := make([]task.Tenant, min(store.MaxBatch, n+1-first))
		for i := range batch {
			batch[i].ID = fmt.Sprintf("tenant-%d", first+i)
		}
		err = s.AddTenants(ctx, c, first, batch)
	}
	if err == nil {
		err = s.FinishCreate(ctx, c)
	}
	by := plan.By{Now: time.Now()}
	decide := func(name string, f func(plan.Plan) (plan.Decision, error)) {
		p, bad := s.Plan(ctx, c.ID)
		d, bad2 := f(p)
		if err != nil || bad != nil || bad2 != nil {
			err = fmt.Errorf("%s: %w, %w, %w", name, err, bad, bad2)
			return
		}
		_, err = s.Apply(ctx, store.Command{ID: name, Version: p.Version, Failed: -1, Decision: d})
	}
	decide("starting", func(p plan.Plan) (plan.Decision, error) { return p.MarkStarting(1, time.Hour, by) })
	decide("start", func(p plan.Plan) (plan.Decision, error) { return p.Start(by) })
	b := store.Batch{Plan: c.ID, Claim: store.Claim{ID: "first", Worker: "w", Max: 1}}
	if err == nil {
		err = s.Commit(ctx, &b)
	}
	if err != nil || len(b.Claimed) != 1 {
		return fmt.Errorf("%d tasks are claimed: %w", len(b.Claimed), err)
	}
	w := b.Claimed[0]
	b.Changes, b.Claim = []store.Change{{Task: w.ID, Token: w.Token, Seq: 1, Kind: store.Complete}}, store.Claim{}
	err = s.Commit(ctx, &b)
	decide("rollback", func(p plan.Plan) (plan.Decision, error) { return p.Rollback(by) })
	decide("open", func(p plan.Plan) (plan.Decision, error) { return p.Settle(by.Now), nil })
	b.Changes, b.Claimed = nil, nil
	for looks := 0; err == nil && len(b.Claimed) == 0; looks++ {
		if looks > n/window+2 || !b.View.Claimable && looks > 0 {
			return fmt.Errorf("no undo after %d looks, claimable: %v", looks, b.View.Claimable)
		}
		b.Claim = store.Claim{ID: fmt.Sprint("undo", looks), Worker: "w", Max: 1}
		before := time.Now()
		if err = s.Commit(ctx, &b); time.Since(before) > 2*time.Second {
			return fmt.Errorf("a look took %s", time.Since(before))
		}
	}
	if err == nil && b.Claimed[0].ID != w.ID {
		return fmt.Errorf("the undo of %s", b.Claimed[0].ID)
	}
	if err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/self/status")
	fmt.Printf("%s\n", status)
	return err
}

// TestLargePlan: a plan of 999,999 tasks needs no more than 64 MiB of memory, and no call looks at
// more than a window of its tasks, even if the only one to undo is the first.
func TestLargePlan(t *testing.T) {
	t.Parallel()
	n := 20_000
	if sample.Whole() {
		n = task.MaxPerPlan
	}
	path := newFile(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "SQLITESTORE_CHILD="+path, fmt.Sprint("SQLITESTORE_TASKS=", n))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	before := time.Now()
	s := open(t, path, Config{})
	again := store.Batch{Plan: 1, Claim: store.Claim{ID: "next process", Worker: "w", Max: 1}}
	if err := s.Commit(t.Context(), &again); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(before); took > 5*time.Second {
		t.Errorf("from opening the file to the first answer to a claim it took %s", took)
	} else {
		t.Logf("from opening the file to the first answer to a claim it took %s", took)
	}
	for line := range bytes.Lines(out) {
		if rest, is := bytes.CutPrefix(line, []byte("VmHWM:")); is {
			kb, err := strconv.Atoi(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))))
			if err != nil || kb > 64<<10 {
				t.Errorf("%d kB of memory for %d tasks, %v", kb, n, err)
			}
			t.Logf("%d kB of memory for %d tasks", kb, n)
			return
		}
	}
	t.Skip("this system does not tell how much memory a process had")
}
