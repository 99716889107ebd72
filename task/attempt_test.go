package task_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/task"
)

func at(minute int) time.Time { return noon().Add(time.Duration(minute) * time.Minute) }

// The attempt that ends with a failure has its number, its worker, what failed, and its times.
func TestTried(t *testing.T) {
	t.Parallel()
	failure := task.FailureInfo{ErrorCode: "GATEWAY_TIMEOUT", Step: "SWITCH", Timestamp: at(9).Add(999), Attempt: 2}
	claimed := func(t *task.Task) { t.Worker, t.UpdatedAt = "w1", at(5) }
	started := func(t *task.Task) { t.StartedAt, t.EndedAt, t.Attempt = at(1), at(3), 1 }
	carried := func(t *task.Task) { t.Elapsed = time.Second }
	retried := func(t *task.Task) { t.RetriedAt = at(4) }
	before := func(t *task.Task) { t.Attempts = []task.Attempt{{Number: 1, Ended: at(2)}} }
	backoff := func(t *task.Task) { t.Wait = task.Wait{Why: task.WaitBackoff, Until: at(4)} }
	held := func(t *task.Task) { t.Wait = task.Wait{Why: task.WaitHold, Until: at(4)} }
	tests := map[string]struct {
		task   task.Task
		number int
		worker string
		undo   bool
		began  time.Time
	}{
		"the first":                               {in(task.Running, started, claimed), 1, "w1", false, at(1)},
		"the first, carried on":                   {in(task.Running, started, claimed, carried), 1, "w1", false, at(1)},
		"a later one":                             {in(task.Running, claimed, retried, before), 2, "w1", false, at(5)},
		"a later one, carried on after a retry":   {in(task.Running, claimed, retried, before, carried), 2, "w1", false, at(4)},
		"a later one, carried on after a failure": {in(task.Running, claimed, before, carried, held), 2, "w1", false, at(2)},
		"a later one, carried on after a backoff": {in(task.Running, claimed, before, carried, backoff), 2, "w1", false, at(4)},
		"a later one, of which nothing is known":  {in(task.Running, claimed, carried), 2, "w1", false, time.Time{}},
		"an undo":                                 {in(task.RollingBack, started, claimed, retried), 1, "w1", true, at(5)},
		"an undo, carried on":                     {in(task.RollingBack, started, claimed, carried, retried), 1, "w1", true, at(3)},
		"an undo, carried on after a failure":     {in(task.RollingBack, claimed, carried, before), 2, "w1", true, at(2)},
		"an undo that no worker had":              {in(task.RollingBack, started), 1, "", true, at(3)},
	}
	for name, tt := range tests {
		got := tt.task.Tried(&failure)
		want := task.Attempt{
			Number: tt.number, Undo: tt.undo, Began: tt.began, Ended: at(9), Worker: tt.worker, ErrorCode: "GATEWAY_TIMEOUT", Step: "SWITCH",
		}
		if n := len(tt.task.Attempts); len(got) != n+1 || !reflect.DeepEqual(got[n], want) {
			t.Errorf("%s: %+v\nwant %+v", name, got, want)
		}
	}
}

// A task keeps its last attempts, within their bounds, and the list is its own.
func TestTriedIsBounded(t *testing.T) {
	t.Parallel()
	of := in(task.Running, func(t *task.Task) { t.Worker = strings.Repeat("w", 1000) })
	failure := task.FailureInfo{ErrorCode: strings.Repeat("é", 1000), Step: strings.Repeat("s", 1000), Timestamp: noon().In(time.FixedZone("", 3600))}
	for n := 1; n <= 2*task.MaxAttempts; n++ {
		of.Attempt = n
		before := append([]task.Attempt(nil), of.Attempts...)
		got := of.Tried(&failure)
		if !reflect.DeepEqual(before, append([]task.Attempt(nil), of.Attempts...)) {
			t.Fatal("the attempts of the task have changed")
		}
		of.Attempts = got
		if last := got[len(got)-1]; len(got) != min(n, task.MaxAttempts) || last.Number != n || got[0].Number != n-len(got)+1 {
			t.Fatalf("after attempt %d: %d attempts from %d to %d", n, len(got), got[0].Number, last.Number)
		}
		last := got[len(got)-1]
		if len(last.Worker) != task.MaxWorker || last.ErrorCode != strings.Repeat("é", task.MaxCode/2) || len(last.Step) > 256 || last.Ended != noon() {
			t.Fatalf("attempt %+v", last)
		}
	}
}

// The edits that end an attempt without its worker say so; no other edit touches the attempts.
func TestEditsOfAttempts(t *testing.T) {
	t.Parallel()
	of := in(task.RollingBack, noCheckpoint)
	stopped, err := of.StopUndo(noon())
	if want := of.Tried(stopped.Failure); err != nil || !reflect.DeepEqual(stopped.Attempts, want) || want[0].ErrorCode != task.CodeRollbackStopped {
		t.Errorf("stopped: %+v, %v; want %+v", stopped.Attempts, err, want)
	}
	tried := func(t *task.Task) { t.Attempts = []task.Attempt{{Number: 1}} }
	lost := in(task.Running, held, tried).Lose(3, noon())
	retried, _ := in(task.Failed, tried).Retry(task.FromScratch, noon())
	skipped, _ := in(task.Failed, tried).Skip()
	for name, e := range map[string]task.Edit{"lost": lost, "retried": retried, "skipped": skipped} {
		if e.Attempts != nil {
			t.Errorf("%s: %+v", name, e.Attempts)
		}
	}
}
