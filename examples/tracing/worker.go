package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/store/redisstore"
)

// The environment of a worker process.
const (
	workerName = "TRACING_WORKER"
	redisAddr  = "TRACING_REDIS"
	serverURL  = "TRACING_SERVER"
)

// work is a worker process: it runs plans until in ends, and writes its spans to out.
func work(ctx context.Context, name string, in io.Reader, out io.Writer) error {
	lines := json.NewEncoder(out)
	tel, err := observeAs(name, func(s span) { _ = lines.Encode(s) }) // spans are exported one at a time
	if err != nil {
		return err
	}
	rdb := redis.NewClient(&redis.Options{Addr: os.Getenv(redisAddr)})
	defer rdb.Close() //nolint:errcheck // the process ends
	store, err := redisstore.Open(ctx, rdb, redisstore.Config{})
	if err != nil {
		return err
	}
	engine, err := cutover.New(store, cutover.Config{
		Name: name, LeaseTTL: time.Second, PollInterval: 50 * time.Millisecond, Hooks: tel.Hooks(),
		Executors: executor.Registry{"MOVE": executor.Func(mover{tel.client(), os.Getenv(serverURL)}.move)},
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, in) // until the parent closes it, or dies
		stop()
	}()
	return errors.Join(engine.Run(ctx), tel.shutdown(context.WithoutCancel(ctx)))
}

// mover is the executor. Its context carries the span of the execution, so that its requests are
// part of the trace.
type mover struct {
	client *http.Client
	url    string
}

func (m mover) move(ctx context.Context, run *executor.Run) error {
	if err := run.Save(ctx, "PREPARED", nil); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url+"/gateway/"+run.Tenant().ID, nil)
	if err != nil {
		return err
	}
	res, err := m.client.Do(req)
	if err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil {
		return err
	}
	return run.Save(ctx, "SWITCHED", nil)
}

// worker is a worker process, for its parent.
type worker struct {
	name  string
	cmd   *exec.Cmd
	stdin io.Closer
	read  chan struct{} // closed when all of its spans are read
}

// startWorker starts this program again as a worker, whose spans go to the collector.
func startWorker(ctx context.Context, name, redis, url string, to *collector) (*worker, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), workerName+"="+name, redisAddr+"="+redis, serverURL+"="+url)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w := &worker{name: name, cmd: cmd, stdin: stdin, read: make(chan struct{})}
	go func() {
		defer close(w.read)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var s span
			if json.Unmarshal(lines.Bytes(), &s) == nil { // a line may be cut by the kill
				to.add(s)
			}
		}
	}()
	return w, nil
}

// kill kills the process, as kill -9 does.
func (w *worker) kill() error {
	if err := w.cmd.Process.Kill(); err != nil {
		return err
	}
	<-w.read
	_ = w.cmd.Wait() // it says that it was killed
	return nil
}

// end asks the process to end, and waits for it.
func (w *worker) end() error {
	if err := w.stdin.Close(); err != nil {
		return err
	}
	<-w.read
	if err := w.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	return nil
}
