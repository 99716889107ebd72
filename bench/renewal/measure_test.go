package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/renewal"
)

// cpu returns the processor time that this process has used, without the servers.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// processCPU returns the processor time that a process has used.
func processCPU(b *testing.B, pid int) time.Duration {
	b.Helper()
	_, stat, _ := strings.Cut(readProc(b, pid, "stat"), ") ") // the name may contain spaces
	var ticks [2]int
	if _, err := fmt.Sscanf(strings.Join(strings.Fields(stat)[11:13], " "), "%d %d", &ticks[0], &ticks[1]); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ticks[0]+ticks[1]) * 10 * time.Millisecond
}

// residentMB returns the resident memory of a process.
func residentMB(b *testing.B, pid int) float64 {
	b.Helper()
	_, rss, _ := strings.Cut(readProc(b, pid, "status"), "VmRSS:")
	var kb int
	if _, err := fmt.Sscan(rss, &kb); err != nil {
		b.Fatal(err)
	}
	return float64(kb) / 1024
}

func readProc(b *testing.B, pid int, file string) string {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

// heap returns the number of allocated and reachable bytes.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// figures are the measurements of one contestant over a span of time.
type figures struct {
	ops  int64
	wall time.Duration
	cpu  time.Duration
}

func (f figures) rate() float64 { return float64(f.ops) / f.wall.Seconds() }

func (f figures) cpuPerOp() float64 { return float64(f.cpu) / float64(f.ops) }

// during measures over a span of time in which it sleeps; it calls count before and after.
func during(b *testing.B, span time.Duration, count func() int64) figures {
	b.Helper()
	c, n, began := cpu(b), count(), time.Now()
	time.Sleep(span)
	return figures{ops: count() - n, wall: time.Since(began), cpu: cpu(b) - c}
}

// serve runs a service until stop is called.
func serve(b *testing.B, rdb redis.UniversalClient, cfg renewal.Config) (s *renewal.Service, stop func()) {
	b.Helper()
	s, err := renewal.New(rdb, cfg)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, func() {
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

func keyName(i int) string { return fmt.Sprintf("lease:%07d", i) }

// fill sets n keys with a value.
func fill(b *testing.B, rdb redis.UniversalClient, n int, value string, ttl time.Duration) {
	b.Helper()
	const chunk = 5000
	for i := 0; i < n; i += chunk {
		pipe := rdb.Pipeline()
		for j := i; j < min(i+chunk, n); j++ {
			pipe.Set(context.Background(), keyName(j), value, ttl)
		}
		if _, err := pipe.Exec(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// registerAll registers a task for each of n keys.
func registerAll(b *testing.B, s *renewal.Service, n int, owner string, p *renewal.Policy) {
	b.Helper()
	for i := range n {
		if _, err := s.Register(renewal.Task{Keys: []string{keyName(i)}, Owner: owner, Policy: p}); err != nil {
			b.Fatal(err)
		}
	}
}
