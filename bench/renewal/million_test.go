package bench

import (
	"flag"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/renewal"
)

// The number of leases can be lowered on a machine that is too busy for a million.
var (
	count  = flag.Int("leases", million, "leases in BenchmarkMillion and BenchmarkFreeze")
	every  = flag.Duration("every", 10*time.Second, "interval of these leases; their TTL is three times as long")
	window = flag.Duration("window", 30*time.Second, "how long BenchmarkMillion measures")
)

// lateness adds up the histograms that the hook reports.
type lateness struct {
	mu  sync.Mutex
	sum [len(renewal.LateBounds) + 1]int
}

func (l *lateness) add(b renewal.Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, n := range b.Late {
		l.sum[i] += n
	}
}

func (l *lateness) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.sum[:])
}

// quantile returns the upper bound of the bucket that contains the given quantile.
func (l *lateness) quantile(share float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	total, seen := 0, 0
	for _, n := range l.sum {
		total += n
	}
	for i, n := range l.sum[:len(renewal.LateBounds)] {
		if seen += n; float64(seen) >= share*float64(total) {
			return renewal.LateBounds[i]
		}
	}
	return time.Hour
}

// leases returns a service that renews many keys at the same interval, and its server. The service
// has renewed each key once.
func leases(b *testing.B, owner string, late *lateness) (*renewal.Service, *redistest.Server, func()) {
	b.Helper()
	server := redistest.Start(b)
	opt := server.Options()
	opt.MaxRetries = -1
	rdb := redis.NewClient(opt)
	fill(b, rdb, *count, "me", *every+2*time.Minute)
	cfg := renewal.Config{}
	cfg.Hooks.OnBatch = late.add
	s, stop := serve(b, rdb, cfg)
	registerAll(b, s, *count, owner, &renewal.Policy{TTL: renewal.FixedTTL(3 * *every), Interval: renewal.Every(*every)})
	time.Sleep(*every + time.Second)
	return s, server, func() { stop(); _ = rdb.Close() }
}

// BenchmarkMillion renews a million leases every ten seconds, for half a minute. Flags choose other
// numbers; four million every 30 s take about 3 GB of memory:
//
//	go test -run '^$' -bench Million/checked -benchtime 1x -leases 4000000 -every 30s
func BenchmarkMillion(b *testing.B) {
	for _, owner := range []string{"", "me"} {
		b.Run(map[string]string{"": "unchecked", "me": "checked"}[owner], func(b *testing.B) {
			var late lateness
			s, server, stop := leases(b, owner, &late)
			defer stop()
			late.reset()
			serverCPU := processCPU(b, server.PID())
			f := during(b, *window, func() int64 { return s.Stats().Renewed })
			serverCPU = processCPU(b, server.PID()) - serverCPU
			b.ReportMetric(f.rate(), "renewals/s")
			b.ReportMetric(100*f.cpu.Seconds()/f.wall.Seconds(), "%-of-a-core")
			b.ReportMetric(100*serverCPU.Seconds()/f.wall.Seconds(), "%-of-a-core-server")
			b.ReportMetric(residentMB(b, os.Getpid()), "MB")
			b.ReportMetric(residentMB(b, server.PID()), "MB-server")
			b.ReportMetric(float64(late.quantile(0.5).Milliseconds()), "ms-p50-late-below")
			b.ReportMetric(float64(late.quantile(0.99).Milliseconds()), "ms-p99-late-below")
			b.ReportMetric(float64(late.quantile(0.9999).Milliseconds()), "ms-p99.99-late-below")
			b.ReportMetric(float64(s.Stats().Lost), "lost")
		})
	}
}

// BenchmarkFreeze freezes the server of a million leases for three seconds, and measures how long
// the service then takes to catch up, as a share of the freeze. It has caught up when fewer than
// 2,000 leases are queued and none is overdue by 50 ms.
func BenchmarkFreeze(b *testing.B) {
	for _, owner := range []string{"", "me"} {
		b.Run(map[string]string{"": "unchecked", "me": "checked"}[owner], func(b *testing.B) {
			var late lateness
			s, server, stop := leases(b, owner, &late)
			defer stop()
			const freeze = 3 * time.Second
			server.Freeze()
			time.Sleep(freeze)
			server.Thaw()
			began := time.Now()
			for {
				if st := s.Stats(); st.Queued < 2000 && st.Overdue < 50*time.Millisecond {
					break
				}
				time.Sleep(time.Millisecond)
			}
			b.ReportMetric(time.Since(began).Seconds()/freeze.Seconds(), "drain-x-freeze")
			time.Sleep(15 * time.Second)
			b.ReportMetric(float64(s.Stats().Lost), "lost")
			b.ReportMetric(float64(s.Stats().Failed), "failed")
		})
	}
}

// BenchmarkIdle measures the processor time of a service with nothing armed, and with a million
// tasks that are due in hours.
func BenchmarkIdle(b *testing.B) {
	for name, n := range map[string]int{"nothing": 0, "million": million} {
		b.Run(name, func(b *testing.B) {
			server := redistest.Start(b)
			s, stop := serve(b, server.Client(), renewal.Config{})
			defer stop()
			registerAll(b, s, n, "", &renewal.Policy{TTL: renewal.FixedTTL(1000 * time.Hour), Interval: renewal.Fraction(0.3)})
			heap()
			time.Sleep(time.Second)
			f := during(b, 20*time.Second, func() int64 { return 0 })
			b.ReportMetric(100*f.cpu.Seconds()/f.wall.Seconds(), "%-of-a-core")
		})
	}
}
