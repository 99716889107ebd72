package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func TestBatchCheck(t *testing.T) {
	t.Parallel()
	claim := store.Claim{ID: "c", Worker: "w", Max: 1}
	for name, tt := range map[string]struct {
		batch store.Batch
		want  error
	}{
		"nothing":          {store.Batch{}, nil},
		"a claim":          {store.Batch{Claim: claim}, nil},
		"as many":          {store.Batch{Changes: make([]store.Change, store.MaxBatch)}, nil},
		"too many changes": {store.Batch{Changes: make([]store.Change, store.MaxBatch+1)}, store.ErrInvalid},
		"too many tasks":   {store.Batch{Claim: store.Claim{ID: "c", Worker: "w", Max: store.MaxBatch + 1}}, store.ErrInvalid},
		"fewer than none":  {store.Batch{Claim: store.Claim{ID: "c", Worker: "w", Max: -1}}, store.ErrInvalid},
		"for nobody":       {store.Batch{Claim: store.Claim{ID: "c", Max: 1}}, store.ErrInvalid},
		"no id":            {store.Batch{Claim: store.Claim{Worker: "w", Max: 1}}, store.ErrInvalid},
		"a long id":        {store.Batch{Claim: store.Claim{ID: strings.Repeat("c", store.MaxID+1), Worker: "w", Max: 1}}, store.ErrInvalid},
	} {
		if err := tt.batch.Check(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// TestChangeCheck: a batch is refused for a single change that no store can carry out, wherever it
// stands in the batch.
func TestChangeCheck(t *testing.T) {
	t.Parallel()
	failed := &task.FailureInfo{ErrorCode: "BROKEN"}
	wait := func(why task.WaitReason, after time.Duration, f *task.FailureInfo) store.Change {
		return store.Change{Kind: store.Defer, Wait: why, After: after, Failure: f}
	}
	elapsed := func(kind store.ChangeKind, d time.Duration) store.Change {
		return store.Change{Kind: kind, Elapsed: d}
	}
	none, some := error(nil), store.ErrInvalid
	for name, tt := range map[string]struct {
		change store.Change
		want   error
	}{
		"a hold of no time":           {wait(task.WaitHold, 0, nil), none},
		"a hold with a failure":       {wait(task.WaitHold, time.Second, failed), none},
		"a proof":                     {wait(task.WaitProving, time.Hour, nil), none},
		"a place":                     {wait(task.WaitPlace, time.Second, nil), none},
		"a backoff":                   {wait(task.WaitBackoff, time.Minute, failed), none},
		"as long as can be":           {wait(task.WaitHold, store.MaxWait, nil), none},
		"too long":                    {wait(task.WaitHold, store.MaxWait+1, nil), some},
		"a negative time":             {wait(task.WaitHold, -1, nil), some},
		"a backoff without a failure": {wait(task.WaitBackoff, time.Minute, nil), some},
		"no reason":                   {wait(task.NoWait, time.Minute, failed), some},
		"an unknown reason":           {wait(task.WaitPlace+1, time.Minute, failed), some},
		"no reason, of another kind":  {store.Change{Kind: store.Yield, After: -1, Wait: 99}, none},
		"time elapsed":                {elapsed(store.Complete, time.Hour), none},
		"less than no time elapsed":   {elapsed(store.Complete, -1), some},
		"the same in a save":          {elapsed(store.Save, -time.Hour), some},
	} {
		for _, changes := range [][]store.Change{{tt.change}, {{Kind: store.Complete}, tt.change, {}}} {
			b := store.Batch{Changes: changes}
			if err := b.Check(); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", name, err, tt.want)
			}
		}
	}
}

// TestYields: a task that is deferred is not left for another worker: engines have timers for it.
func TestYields(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change store.Change
		want   bool
	}{
		"yielded":           {store.Change{Kind: store.Yield, State: task.Running}, true},
		"yielded an undo":   {store.Change{Kind: store.Yield, State: task.RollingBack}, true},
		"yielded to a stop": {store.Change{Kind: store.Yield, State: task.Paused}, false},
		"refused":           {store.Change{Kind: store.Yield, State: task.Running, Err: store.ErrFenced}, false},
		"deferred":          {store.Change{Kind: store.Defer, State: task.Running}, false},
		"saved":             {store.Change{Kind: store.Save, State: task.Running}, false},
	} {
		b := store.Batch{Changes: []store.Change{{Kind: store.Complete, State: task.Completed}, tt.change}}
		if got := b.Yields(); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestCreateCheck(t *testing.T) {
	t.Parallel()
	create := func(mark string, tasks int) store.Create {
		return store.Create{Mark: mark, Plan: plan.Plan{TaskCount: tasks}}
	}
	long := strings.Repeat("m", store.MaxID)
	for name, tt := range map[string]struct {
		create store.Create
		named  []string // the faults, none if it is valid
	}{
		"no tasks":         {create("m", 0), nil},
		"as long and many": {create(long, task.MaxPerPlan), nil},
		"no mark":          {create("", 1), []string{"mark"}},
		"a long mark":      {create(long+"m", 1), []string{"mark"}},
		"too many tasks":   {create("m", task.MaxPerPlan+1), []string{"tasks"}},
		"both":             {create("", -1), []string{"mark", "tasks"}},
	} {
		err := tt.create.Check()
		if errors.Is(err, store.ErrInvalid) != (tt.named != nil) {
			t.Errorf("%s: %v, want faults of %v", name, err, tt.named)
		}
		for _, what := range tt.named {
			if !strings.Contains(err.Error(), what) {
				t.Errorf("%s: %v does not name the %s", name, err, what)
			}
		}
	}
}

func TestCommandCheck(t *testing.T) {
	t.Parallel()
	command := func(edits ...task.Edit) store.Command {
		return store.Command{ID: "c", Decision: plan.Decision{Plan: plan.Plan{ID: 1}, Edits: edits}}
	}
	edit := task.Edit{ID: task.NewID(1, 1)}
	impossible := edit
	impossible.State = task.State(task.NumStates)
	for name, tt := range map[string]struct {
		command store.Command
		want    error
	}{
		"no edits":        {command(), nil},
		"an edit":         {command(edit), nil},
		"no id":           {store.Command{}, store.ErrInvalid},
		"twice":           {command(edit, edit), store.ErrInvalid},
		"impossible":      {command(impossible), store.ErrInvalid},
		"of another plan": {command(task.Edit{ID: task.NewID(2, 1)}), store.ErrNotFound},
		"of no task":      {command(task.Edit{ID: task.NewID(1, 0)}), store.ErrNotFound},
		"too many":        {command(make([]task.Edit, store.MaxBatch+1)...), store.ErrInvalid},
	} {
		if err := tt.command.Check(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}
