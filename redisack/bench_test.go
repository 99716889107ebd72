package redisack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack/httpprobe"
	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// cost is the time, of the clock and of the processors, and the memory that a piece of work takes.
type cost struct {
	time, cpu     time.Duration
	allocs, bytes uint64
}

func measure(work func()) cost {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, began := cpuTime(), time.Now()
	work()
	took, used := time.Since(began), cpuTime()-cpu
	runtime.ReadMemStats(&after)
	return cost{took, used, after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc}
}

// cpuTime returns the processor time of this process so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (c *cost) add(more cost) {
	c.time += more.time
	c.cpu += more.cpu
	c.allocs += more.allocs
	c.bytes += more.bytes
}

// BenchmarkConfirm alternates between the confirmation of 10,000 endpoints and a bare bounded
// fan-out of the same GETs, and compares them. Both include the work of client and server, on the
// same cores.
func BenchmarkConfirm(b *testing.B) {
	for _, keep := range []bool{true, false} {
		b.Run(fmt.Sprintf("keepalive=%v", keep), func(b *testing.B) { benchConfirm(b, keep) })
	}
}

func benchConfirm(b *testing.B, keep bool) {
	b.Helper()
	const n = 10_000
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"version":"v2","uptime":12345,"name":"gateway"}`)
	}))
	defer server.Close()
	members := make([]Endpoint, n)
	for i := range members {
		id := strconv.Itoa(i)
		members[i] = Endpoint{ID: id, URL: server.URL + "/" + id}
	}
	mem := new(memory)
	c := newClient(memoryBackend{mem}, Config{})
	target, err := c.Write(b.Context(), change())
	if err != nil {
		b.Fatal(err)
	}
	check := Check{Fleet: Static(members...), Prober: overHTTP(b, httpprobe.Config{Version: httpprobe.JSONField("version"), AllowLoopback: true, KeepAlive: 1})}
	if keep {
		check.Prober = overHTTP(b, httpprobe.Config{Version: httpprobe.JSONField("version"), AllowLoopback: true, KeepAlive: 2 * n})
	}
	check.Policy.FirstAttemptTimeout, check.Policy.AttemptTimeout = benchTimeout, benchTimeout
	ours := func() {
		res, err := c.Confirm(b.Context(), target, check)
		if err != nil || res.Attempts != n {
			b.Errorf("%v, %d attempts", err, res.Attempts)
		}
	}
	bare := func() {
		transport := &http.Transport{MaxIdleConnsPerHost: defaultMaxInFlight, DisableKeepAlives: !keep, DisableCompression: true}
		defer transport.CloseIdleConnections()
		fanOut(b, &http.Client{Transport: transport}, members, "v2")
	}
	compare(b, n, ours, bare)
}

// compare alternates between our polls and as many bare ones, and reports the ratios. It returns
// how often it has called both together.
func compare(b *testing.B, polls int, ours, bare func()) (calls int) {
	b.Helper()
	ours()
	bare()
	var a, z cost
	for b.Loop() {
		a.add(measure(ours))
		z.add(measure(bare))
	}
	per := float64(polls) * float64(b.N)
	b.ReportMetric(float64(a.time)/float64(z.time), "x-bare-time")
	b.ReportMetric(float64(a.cpu)/float64(z.cpu), "x-bare-cpu")
	b.ReportMetric((float64(a.allocs)-float64(z.allocs))/per, "extra-allocs/endpoint")
	b.ReportMetric((float64(a.bytes)-float64(z.bytes))/per, "extra-B/endpoint")
	return 2 * (b.N + 1)
}

// benchTimeout is far longer than an attempt takes on a busy machine, so that both sides make each
// attempt only once.
const benchTimeout = 20 * time.Second

// fanOut is the equivalent without this package: 128 workers that GET, decode and compare.
func fanOut(b *testing.B, client *http.Client, members []Endpoint, want string) {
	b.Helper()
	jobs := make(chan Endpoint)
	var workers sync.WaitGroup
	for range defaultMaxInFlight {
		workers.Go(func() {
			for ep := range jobs {
				if version, err := get(b.Context(), client, ep.URL); err != nil || version != want {
					b.Errorf("%s: %q, %v", ep.URL, version, err)
				}
			}
		})
	}
	for _, ep := range members {
		jobs <- ep
	}
	close(jobs)
	workers.Wait()
}

func get(ctx context.Context, client *http.Client, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, benchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept", "application/json, text/plain;q=0.5")
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var status struct {
		Version string `json:"version"`
	}
	err = json.Unmarshal(body, &status)
	return status.Version, err
}

// BenchmarkPush compares the time until 1,000 pushing clients are confirmed with the time that the
// slowest of them takes to apply: 100 ms.
func BenchmarkPush(b *testing.B) {
	const n, slowest = 1000, 100 * time.Millisecond
	rdb := redistest.Start(b).Client()
	c := connect(b, rdb, Config{})
	members := make([]Endpoint, n)
	for i := range members {
		members[i].ID = strconv.Itoa(i)
	}
	var total time.Duration
	round := 0
	for b.Loop() {
		round++
		version := strconv.Itoa(round)
		sub := rdb.Subscribe(b.Context(), "{k}:changed")
		if _, err := sub.Receive(b.Context()); err != nil {
			b.Fatal(err)
		}
		var pushing sync.WaitGroup
		pushing.Go(func() { pushAll(b, rdb, sub, version, members, slowest) })
		res, err := c.Apply(b.Context(), Change{Key: "k", Version: version}, Check{Fleet: Static(members...), Push: true})
		if err != nil || res.Attempts != 0 {
			b.Fatal(err, res.Attempts)
		}
		total += res.Elapsed
		pushing.Wait()
	}
	b.ReportMetric(float64(total)/float64(b.N)/float64(slowest), "x-slowest-client")
}

// pushAll starts clients that receive the announcement, apply the write within some time, and
// acknowledge.
func pushAll(
	b *testing.B, rdb *redis.Client, sub *redis.PubSub, version string, members []Endpoint, slowest time.Duration,
) {
	b.Helper()
	defer func() { _ = sub.Close() }()
	var notice wire.Notice
	for notice.Version != version {
		msg, err := sub.ReceiveMessage(b.Context())
		if err != nil {
			b.Error(err)
			return
		}
		if notice, err = wire.ParseNotice(msg.Payload); err != nil {
			b.Error(err)
			return
		}
	}
	var clients sync.WaitGroup
	for i, ep := range members {
		d := slowest
		if i > 0 {
			d = rand.N(slowest)
		}
		clients.Go(func() {
			time.Sleep(d)
			ack := wire.Ack{Instance: ep.ID, Rev: uint64(notice.Rev), Version: version, WriteID: notice.WriteID, State: wire.StateApplied}
			err := rdb.XAdd(b.Context(), &redis.XAddArgs{Stream: "{k}:acks", MaxLen: 2000, Approx: true, Values: ack.Fields()}).Err()
			if err != nil {
				b.Error(err)
			}
		})
	}
	clients.Wait()
}

// BenchmarkWrite alternates between a write and a SET and PUBLISH in one MULTI, and compares them.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			rdb := redistest.Start(b).Client()
			c := connect(b, rdb, Config{})
			payload := make([]byte, size)
			var ours, bare time.Duration
			round := 0
			for b.Loop() {
				round++
				began := time.Now()
				if _, err := c.Write(b.Context(), Change{Key: "k", Version: strconv.Itoa(round), Payload: payload}); err != nil {
					b.Fatal(err)
				}
				middle := time.Now()
				pipe := rdb.TxPipeline()
				pipe.Set(b.Context(), "other", payload, 0)
				pipe.Publish(b.Context(), "channel", round)
				if _, err := pipe.Exec(b.Context()); err != nil {
					b.Fatal(err)
				}
				ours += middle.Sub(began)
				bare += time.Since(middle)
			}
			b.ReportMetric(float64(ours)/float64(bare), "x-multi-time")
		})
	}
}
