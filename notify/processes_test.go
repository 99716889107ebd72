package notify_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/redisstore"
)

// The environment of a process that only runs a notifier.
const (
	childServer = "CUTOVER_NOTIFY_SERVER"
	childFile   = "CUTOVER_NOTIFY_FILE"
)

// childMain runs a notifier until the process ends, if the environment asks for it. It writes a
// line for each message, which takes some time.
func childMain() bool {
	addr := os.Getenv(childServer)
	if addr == "" {
		return false
	}
	go func() { // the parent has ended
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := childRun(addr, os.Getenv(childFile)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func childRun(addr, path string) error {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	s, err := redisstore.Open(ctx, rdb, redisstore.Config{})
	if err != nil {
		return err
	}
	engine, err := cutover.New(s, cutover.Config{})
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	sink := notify.Func(func(ctx context.Context, m notify.Message) error {
		time.Sleep(5 * time.Millisecond)
		if late, _ := ctx.Deadline(); !time.Now().Before(late) {
			return errors.New("too late")
		}
		_, err := fmt.Fprintf(file, "%d %d %s\n", m.Plan, m.First, m.ID)
		time.Sleep(5 * time.Millisecond)
		return err
	})
	n, err := notify.New(engine, "pager", sink, childConfig())
	if err != nil {
		return err
	}
	return n.Run(ctx)
}

func childConfig() notify.Config {
	return notify.Config{
		Filter: notify.Filter{Kinds: []notify.Kind{notify.KindPlan, notify.KindTask, notify.KindFailures}}, Window: -1, Timeout: time.Second,
		PollInterval: 200 * time.Millisecond,
	}
}

// child is a process that runs a notifier.
type child struct {
	*exec.Cmd
	ended chan struct{}
}

func startChild(t *testing.T, addr, file string) *child {
	t.Helper()
	c := &child{exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0]), make(chan struct{})}
	c.Env = append(os.Environ(), childServer+"="+addr, childFile+"="+file)
	c.Stderr = os.Stderr
	alive, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		_ = c.Wait() // a killed process always ends with an error
	}()
	t.Cleanup(func() { c.kill(); _ = alive.Close() })
	return c
}

func (c *child) kill() {
	_ = c.Process.Kill() // fails only if the process has already ended
	<-c.ended
}

// Two processes share a notifier on a real Redis. One is killed again and again, and the other one
// is frozen for longer than its cursors last: every event comes, in the order of its plan, and
// after each fault at most the last message is repeated.
func TestProcessesAreKilledAndFrozen(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes some twenty seconds")
	}
	server := redistest.Start(t)
	s, err := redisstore.Open(t.Context(), server.Client(), redisstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, s)
	w.took = 40 * time.Millisecond
	file := filepath.Join(t.TempDir(), "messages")
	await := func(what string, within time.Duration, done func() bool) {
		t.Helper()
		for end := time.Now().Add(within); !done(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("not in %s: %s", within, what)
			}
		}
	}
	ready := func() bool {
		all, err := notify.Statuses(t.Context(), w.engine)
		return err == nil && len(all) == 1 && all[0].Status.Ready
	}
	one, two := startChild(t, server.Addr(), file), startChild(t, server.Addr(), file)
	await("ready", 20*time.Second, ready)
	var ids []plan.ID
	for i := range 4 {
		id := w.create("plan", 2, append(numbered(fmt.Sprint("good", i), 110), numbered(fmt.Sprint("bad", i), 10)...)...)
		ids = append(ids, id)
		_, err := w.engine.Start(t.Context(), id)
		w.ok(err)
	}
	faults := 0
	lines := func() int { return len(written(t, file)) }
	for range 3 {
		before := lines()
		await("more messages", 20*time.Second, func() bool { return lines() > before+20 })
		one.kill()
		faults++
		one = startChild(t, server.Addr(), file)
	}
	w.ok(two.Process.Signal(syscall.SIGSTOP))
	faults++
	time.Sleep(4 * time.Second) // longer than a cursor is owned
	w.ok(two.Process.Signal(syscall.SIGCONT))
	total := int64(0)
	for _, id := range ids {
		p, err := w.engine.Wait(t.Context(), id)
		w.ok(err)
		total += p.LastEvent
	}
	await("all read", 60*time.Second, func() bool {
		all, err := notify.Statuses(t.Context(), w.engine)
		return err == nil && len(all) == 1 && all[0].Unread == 0
	})
	last, repeated := make(map[plan.ID]int64), 0
	for _, line := range written(t, file) {
		var id plan.ID
		var seq int64
		if _, err := fmt.Sscan(line, &id, &seq); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		switch seq {
		case last[id] + 1:
			total--
		case last[id]:
			repeated++
		default:
			t.Errorf("plan %s: event %d after %d", id, seq, last[id])
		}
		last[id] = seq
	}
	if total != 0 {
		t.Errorf("%d events never came", total)
	}
	if repeated > faults*len(ids) { // each fault hits the last message of each plan
		t.Errorf("%d messages were repeated after %d faults", repeated, faults)
	}
	t.Logf("%d repeated", repeated)
}

// written returns the complete lines of a file.
func written(t *testing.T, path string) (lines []string) {
	t.Helper()
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for in := bufio.NewScanner(file); in.Scan(); {
		if line := in.Text(); strings.Count(line, " ") == 2 {
			lines = append(lines, line)
		}
	}
	return lines
}
