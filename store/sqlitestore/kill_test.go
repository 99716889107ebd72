package sqlitestore

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

const childWorkers = 4

// child works on the plans of a file until it is killed. It tells what was answered: a line with
// the ordinal and the number of the save.
func child(path string) int {
	ctx := context.Background()
	s, err := Open(ctx, path, Config{})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	var out sync.Mutex
	tell := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	tell("open")
	var group sync.WaitGroup
	for w := range childWorkers {
		group.Go(func() {
			name := fmt.Sprintf("worker %d of process %d", w, os.Getpid())
			b := store.Batch{Plan: 1, Claim: store.Claim{ID: name, Worker: name, Max: 10}}
			if err := s.Commit(ctx, &b); err != nil || len(b.Claimed) == 0 {
				if err != nil {
					tell("error %v", err)
				}
				return // the others have all tasks
			}
			held := b.Claimed
			for seq := uint32(1); ; seq++ {
				work := sqltest.Saves(1, held, seq, "STEP", []byte(strconv.Itoa(int(seq))))
				if err := s.Commit(ctx, work); err != nil || work.Changes[0].Err != nil {
					tell("error %v, %v", err, work.Changes[0].Err)
					return
				}
				tell("saved %d %d %d", held[0].ID.Ordinal(), len(held), seq)
			}
		})
	}
	group.Wait()
	return 1
}

// TestKill kills a process in the middle of its commits, again and again: what was answered is
// there, what was not is there as a whole or not at all, and the next process goes on at once.
func TestKill(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	rounds := len(sample.Of(t, 3, 20))
	start(t, s, rounds*childWorkers*10)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range rounds {
		killOnce(t, path)
	}
}

// killOnce lets a child work for a moment, kills it and judges the file.
func killOnce(t *testing.T, path string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "SQLITESTORE_CHILD="+path)
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	answered := make(map[int]int) // the number of the last save, by the first ordinal of a claim
	sizes := make(map[int]int)
	kill := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	stop := 20 + rand.IntN(200)
	lines := 0
	for in := bufio.NewScanner(pipe); in.Scan(); lines++ {
		var first, n, seq int
		if _, err := fmt.Sscanf(in.Text(), "saved %d %d %d", &first, &n, &seq); err == nil {
			answered[first], sizes[first] = seq, n
		} else if in.Text() != "open" && !strings.HasPrefix(in.Text(), "saved") {
			t.Errorf("the child says %q", in.Text())
		}
		if lines == stop {
			_ = cmd.Process.Kill()
		}
	}
	kill.Stop()
	if err := cmd.Wait(); err == nil || lines < stop {
		t.Fatalf("the child ended by itself after %d lines: %v", lines, err)
	}
	judge(t, path, answered, sizes)
}

// judge opens the file that a child has left.
func judge(t *testing.T, path string, answered, sizes map[int]int) {
	t.Helper()
	s, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for first, seq := range answered {
		var ordinals []int
		for o := first; o < first+sizes[first]; o++ {
			ordinals = append(ordinals, o)
		}
		tasks, err := s.TasksAt(t.Context(), 1, ordinals)
		if err != nil || len(tasks) != len(ordinals) {
			t.Fatalf("%d tasks, %v", len(tasks), err)
		}
		has := string(tasks[0].Checkpoint.Data)
		if n, _ := strconv.Atoi(has); n != seq && n != seq+1 {
			t.Errorf("save %d was answered, the task has %s", seq, has)
		}
		for _, other := range tasks {
			if string(other.Checkpoint.Data) != has {
				t.Errorf("a commit was torn: tasks have the saves %s and %s", has, other.Checkpoint.Data)
			}
		}
	}
	if _, err := s.Due(t.Context(), nil, 10); err != nil {
		t.Error(err)
	}
	release(t, s)
	storetest.Check(t, s, 1)
	intact(t, s)
}

// release takes the tasks from the workers of the dead process, which an engine does in its first
// pass.
func release(t *testing.T, s *Store) {
	t.Helper()
	o := operate(t, s)
	o.ID, o.Sent = 1, rand.Int()
	for {
		orphans, err := s.Orphans(o.Ctx, 1)
		o.OK(err)
		if len(orphans) == 0 {
			return
		}
		o.Decide(func(p plan.Plan) (d plan.Decision, err error) {
			var lost []task.Task
			for _, h := range orphans {
				found, err := s.Task(o.Ctx, h.Task)
				o.OK(err)
				lost = append(lost, found)
			}
			return p.LoseTasks(lost, 100, plan.By{Now: time.Now()}), nil
		})
	}
}

// intact lets SQLite check the file.
func intact(t *testing.T, s *Store) {
	t.Helper()
	err := s.read(t.Context(), func(c *conn) error {
		return c.each("PRAGMA integrity_check", nil, func(r row) error {
			if text := r.ColumnText(0); text != "ok" {
				t.Error(text)
			}
			return nil
		})
	})
	if err != nil {
		t.Error(err)
	}
}
