package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// result is the result of one run of one subject; figures are per task unless noted.
type result struct {
	subject                       string
	createPerSecond, runPerSecond float64
	clientCPU, serverCPU          float64 // seconds per 1,000 tasks
	allocs, allocBytes            float64
	storeBytes                    float64
	resident                      float64 // MiB, the peak of this process so far
	query                         time.Duration
}

// meter measures one run.
type meter struct {
	n                      int
	rdb                    *redis.Client
	began, created, ended  time.Time
	clientCPU0, clientCPU1 float64
	serverCPU0, memory0    float64
	heap0, heap1           runtime.MemStats
}

func newMeter(ctx context.Context, s *server, n int) (*meter, error) {
	m := &meter{n: n, rdb: redis.NewClient(&redis.Options{Addr: s.addr})}
	var err error
	if m.serverCPU0, err = m.info(ctx, "cpu", "used_cpu_sys", "used_cpu_user"); err != nil {
		return nil, err
	}
	if m.memory0, err = m.info(ctx, "memory", "used_memory"); err != nil {
		return nil, err
	}
	runtime.GC()
	runtime.ReadMemStats(&m.heap0)
	m.clientCPU0 = clientCPU()
	m.began = time.Now()
	return m, nil
}

// tasksCreated marks the end of creation.
func (m *meter) tasksCreated() { m.created = time.Now() }

// tasksDone marks that all tasks have reached their final state.
func (m *meter) tasksDone() {
	m.ended = time.Now()
	m.clientCPU1 = clientCPU()
	runtime.ReadMemStats(&m.heap1)
}

func (m *meter) result(ctx context.Context, subject string) (result, error) {
	defer m.rdb.Close()
	n := float64(m.n)
	r := result{
		subject:         subject,
		createPerSecond: n / m.created.Sub(m.began).Seconds(),
		runPerSecond:    n / m.ended.Sub(m.created).Seconds(),
		clientCPU:       (m.clientCPU1 - m.clientCPU0) / n * 1000,
		allocs:          float64(m.heap1.Mallocs-m.heap0.Mallocs) / n,
		allocBytes:      float64(m.heap1.TotalAlloc-m.heap0.TotalAlloc) / n,
	}
	var err error
	if r.resident, err = peakResident(); err != nil {
		return r, err
	}
	cpu, err := m.info(ctx, "cpu", "used_cpu_sys", "used_cpu_user")
	if err != nil {
		return r, err
	}
	memory, err := m.info(ctx, "memory", "used_memory")
	if err != nil {
		return r, err
	}
	r.serverCPU = (cpu - m.serverCPU0) / n * 1000
	r.storeBytes = (memory - m.memory0) / n
	return r, nil
}

// info returns the sum of the given fields in a section of INFO.
func (m *meter) info(ctx context.Context, section string, fields ...string) (float64, error) {
	text, err := m.rdb.Info(ctx, section).Result()
	if err != nil {
		return 0, err
	}
	sum, found := 0.0, 0
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		for _, f := range fields {
			if name == f {
				v, err := strconv.ParseFloat(value, 64)
				if err != nil {
					return 0, fmt.Errorf("INFO %s: %w", name, err)
				}
				sum += v
				found++
			}
		}
	}
	if found != len(fields) {
		return 0, fmt.Errorf("INFO %s has not all of %s", section, fields)
	}
	return sum, nil
}

// peakResident returns the peak resident memory of this process, in MiB. The figure of getrusage
// cannot be used, because it includes the peak of the process before exec.
func peakResident() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if text, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("/proc/self/status has no VmHWM")
}

func clientCPU() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// payload returns a checkpoint's data: 200 bytes of JSON.
func payload() string { return `"` + strings.Repeat("x", 198) + `"` }
