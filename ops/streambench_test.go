package ops_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
)

// BenchmarkStream shows one plan of 5,000 tasks to 1,000 clients over loopback, and measures how
// late events are, from their times to when a client has read them, and the memory of a stream
// above that of a handler that only flushes. Run it with
//
//	go test ./ops -run='^$' -bench=Stream -benchtime=1x
func BenchmarkStream(b *testing.B) {
	const clients = 1000
	for b.Loop() {
		bare := memoryOf(b, clients, http.HandlerFunc(onlyFlush), new(lateness), func() {})
		e, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{"X": takes(time.Second, 3*time.Second)}})
		if err != nil {
			b.Fatal(err)
		}
		h, err := ops.New(e, ops.Config{Authenticate: ops.AllowAll("ada")})
		if err != nil {
			b.Fatal(err)
		}
		spec := plan.Spec{Name: "n", ExecutorType: "X", Tenants: plan.Tenants(many(5000)...)}
		spec.Strategy = strategy.Strategy{MaxConcurrency: strategy.Count(64)}
		if _, err := e.Create(b.Context(), spec); err != nil {
			b.Fatal(err)
		}
		ctx, stop := context.WithCancel(b.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = e.Run(ctx) })
		var late lateness
		used := memoryOf(b, clients, h, &late, func() {
			if _, err := e.Start(b.Context(), 1); err != nil {
				b.Fatal(err)
			}
			time.Sleep(20 * time.Second)
		})
		stop()
		running.Wait()
		h.Close()
		b.ReportMetric(float64(used-bare)/clients, "B/stream")
		b.ReportMetric(late.at(0.5).Seconds()*1000, "p50-ms")
		b.ReportMetric(late.at(0.99).Seconds()*1000, "p99-ms")
		b.ReportMetric(float64(len(late.all))/clients, "messages/stream")
	}
}

// onlyFlush is a handler that answers with a stream of nothing.
func onlyFlush(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// lateness has how late messages were.
type lateness struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *lateness) at(share float64) time.Duration {
	if len(l.all) == 0 {
		return 0
	}
	slices.Sort(l.all)
	return l.all[int(share*float64(len(l.all)-1))]
}

// read reads a stream to its end. The oldest event of a message says how late the message is.
func (l *lateness) read(c net.Conn, buffer []byte) {
	for {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		_, events, _ := bytes.Cut(buffer[:n], []byte(`"events":[{"seq":`))
		_, at, _ := bytes.Cut(events, []byte(`"at":"`))
		if len(at) < 24 {
			continue
		}
		if t, err := time.Parse(time.RFC3339, string(at[:24])); err == nil {
			l.mu.Lock()
			l.all = append(l.all, time.Since(t))
			l.mu.Unlock()
		}
	}
}

// memoryOf returns the memory in use while clients have streams of a handler, before something
// happens. The buffers of the clients do not count.
func memoryOf(b *testing.B, clients int, h http.Handler, late *lateness, happens func()) int64 {
	b.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	const size = 16 << 10
	buffers, connections := make([]byte, clients*size), make([]net.Conn, clients)
	for i := range connections {
		c, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		connections[i] = c
	}
	before := inUse()
	var reading sync.WaitGroup
	for i, c := range connections {
		if _, err := fmt.Fprint(c, "GET /stream?plan=1 HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			b.Fatal(err)
		}
		reading.Go(func() { late.read(c, buffers[i*size:(i+1)*size]) })
	}
	time.Sleep(3 * time.Second)
	used := inUse() - before
	happens()
	for _, c := range connections {
		_ = c.Close()
	}
	reading.Wait()
	return used
}

// inUse returns the memory of heap and stacks.
func inUse() int64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
