package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"text/tabwriter"
	"time"
)

// part is the report of one of the two processes that work on a plan: the process that creates the
// plan, and therefore holds the list of its tenants, or the process that runs the plan.
type part struct {
	Took     time.Duration
	Resident float64 // MiB, the peak
}

const (
	createPart   = "create"
	sequencePart = "create-sequence" // the tenants are a sequence, so that nobody holds their list
	runPart      = "run"
)

// growth runs cutover at growing sizes. As the size grows, the number of tasks per second should
// not fall, and the memory of the process that runs the plan should not grow.
func growth(concurrency int, serverArgs []string) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "tasks\tcreate/s\tMiB\tof a sequence/s\tMiB\trun/s\tx before\trunning process MiB\t")
	before := 0.0
	for _, n := range []int{10_000, 100_000, 999_999} {
		fmt.Fprintf(os.Stderr, "%d tasks\n", n)
		sequence, err := ofSequence(n, concurrency, serverArgs)
		if err != nil {
			return err
		}
		created, ran, err := twoProcesses(n, concurrency, serverArgs)
		if err != nil {
			return err
		}
		speed := float64(n) / ran.Took.Seconds()
		fmt.Fprintf(w, "%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.2f\t%.0f\t\n", n, float64(n)/created.Took.Seconds(), created.Resident,
			float64(n)/sequence.Took.Seconds(), sequence.Resident, speed, speed/cmp.Or(before, speed), ran.Resident)
		before = speed
	}
	return w.Flush()
}

// ofSequence creates a plan of n tasks from a sequence, on a new server.
func ofSequence(n, concurrency int, serverArgs []string) (p part, err error) {
	ctx := context.Background()
	server, err := startServer(ctx, serverArgs)
	if err != nil {
		return p, err
	}
	defer server.stop()
	return startPart(ctx, sequencePart, server.addr, n, concurrency)
}

// twoProcesses creates a plan of n tasks in one process and runs it in another, on a new server.
func twoProcesses(n, concurrency int, serverArgs []string) (created, ran part, err error) {
	ctx := context.Background()
	server, err := startServer(ctx, serverArgs)
	if err != nil {
		return created, ran, err
	}
	defer server.stop()
	if created, err = startPart(ctx, createPart, server.addr, n, concurrency); err != nil {
		return created, ran, err
	}
	if ran, err = startPart(ctx, runPart, server.addr, n, concurrency); err != nil {
		return created, ran, err
	}
	done, err := engine{}.states(ctx, server.addr, n)
	if err == nil && done != n {
		err = fmt.Errorf("%d of %d tasks are done", done, n)
	}
	return created, ran, err
}

// startPart runs this program again, for one part.
func startPart(ctx context.Context, name, addr string, n, concurrency int) (p part, err error) {
	self, err := os.Executable()
	if err != nil {
		return p, err
	}
	cmd := exec.CommandContext(ctx, self, "-mode", name, "-addr", addr, "-n", strconv.Itoa(n), "-c", strconv.Itoa(concurrency))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return p, fmt.Errorf("the process to %s the plan: %w", name, err)
	}
	return p, json.Unmarshal(out, &p)
}

// doPart is the main function of a process that startPart starts.
func doPart(name, addr string, n, concurrency int) error {
	if addr == "" {
		return errors.New("no -addr of a server")
	}
	ctx := context.Background()
	h, err := newHost(ctx, addr, concurrency)
	if err != nil {
		return err
	}
	defer h.close()
	began := time.Now()
	switch name {
	case createPart:
		_, err = h.create(ctx, "bench", n, concurrency)
	case sequencePart:
		err = h.createFrom(ctx, "bench", n, concurrency)
	default:
		err = h.finish(ctx, firstPlan)
	}
	if err != nil {
		return err
	}
	p := part{Took: time.Since(began)}
	if p.Resident, err = peakResident(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(p)
}
