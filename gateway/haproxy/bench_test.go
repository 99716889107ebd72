package haproxy_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/haproxy"
	"github.com/cutover-go/cutover/gateway/internal/disk"
	"github.com/cutover-go/cutover/internal/proxytest"
	"github.com/cutover-go/cutover/redisack/probe"
	"github.com/cutover-go/cutover/task"
)

var (
	benchSingle = flag.Int("single", 100, "BenchmarkSwitch: how many tenants are switched")
	benchAll    = flag.Int("all", 1000, "BenchmarkSwitchAll: how many tenants are switched")
)

// yard is one HAProxy and a gateway over it.
type yard struct {
	*testing.B
	proxy   *proxytest.HAProxy
	gateway *haproxy.Gateway
	token   task.Token
}

// newYard returns a yard. A nil prober is the default one, which sends requests.
func newYard(b *testing.B, table gateway.Table, prober probe.Prober) *yard {
	b.Helper()
	h := proxytest.StartHAProxy(b, gatewaytest.Green, gatewaytest.Blue)
	g, err := haproxy.New(haproxy.Config{
		Table: table, Map: h.Map, Default: gatewaytest.Green, Timeout: 5 * time.Minute, Prober: prober,
		Fleet: haproxy.Fixed(haproxy.Instance{Name: "lb-1", Socket: h.Socket, URL: h.URL(), MapFile: h.MapFile}),
	})
	if err != nil {
		b.Fatal(err)
	}
	return &yard{B: b, proxy: h, gateway: g}
}

func tenantName(i int) string { return fmt.Sprintf("tenant-%d", i) }

// switchAll switches the tenants, some at a time, and returns how long that took.
func (y *yard) switchAll(tenants, abreast int, from, to string) time.Duration {
	y.Helper()
	y.token++
	began := time.Now()
	var next atomic.Int64
	var all sync.WaitGroup
	for range abreast {
		all.Go(func() {
			for i := int(next.Add(1)); i <= tenants; i = int(next.Add(1)) {
				c := bluegreen.Change{TenantID: tenantName(i), From: from, To: to, Token: y.token, Key: "k"}
				if err := y.gateway.Switch(context.Background(), c); err != nil {
					y.Error(err)
				}
			}
		})
	}
	all.Wait()
	return time.Since(began)
}

// commands sets the entries of all tenants, by one command and one connection each: no file, no
// table, no request. It returns how long that took.
func (y *yard) commands(tenants int, value string) time.Duration {
	y.Helper()
	began := time.Now()
	for i := 1; i <= tenants; i++ {
		if answer, err := y.proxy.Call("set map " + y.proxy.Map + " " + tenantName(i) + " " + value); err != nil || answer != "\n" {
			y.Fatalf("%q, %v", answer, err)
		}
	}
	return time.Since(began)
}

// synced does what commands does, and before each command appends a row to a file and makes it
// durable: the least that a switch which survives a crash can take.
func (y *yard) synced(tenants int, value string) time.Duration {
	y.Helper()
	file, err := os.Create(filepath.Join(y.TempDir(), "rows"))
	if err != nil {
		y.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	began := time.Now()
	for i := 1; i <= tenants; i++ {
		row := tenantName(i) + " " + value
		if _, err := file.WriteString(row + "\n"); err != nil {
			y.Fatal(err)
		}
		if err := disk.Sync(file); err != nil {
			y.Fatal(err)
		}
		if answer, err := y.proxy.Call("set map " + y.proxy.Map + " " + row); err != nil || answer != "\n" {
			y.Fatalf("%q, %v", answer, err)
		}
	}
	return time.Since(began)
}

// compare switches tenants to and fro by a gateway, and on another HAProxy by bare commands.
func compare(b *testing.B, tenants, abreast int, table gateway.Table, prober probe.Prober) {
	b.Helper()
	y, other := newYard(b, table, prober), newYard(b, gateway.NewFileTable(b.TempDir()+"/table"), nil)
	for _, one := range []*yard{y, other} { // all have an entry
		one.switchAll(tenants, tenants, gatewaytest.Green, gatewaytest.Blue)
	}
	from, to := gatewaytest.Blue, gatewaytest.Green
	var ours, bare, synced time.Duration
	for b.Loop() {
		if abreast < tenants { // not with those that are switched at once: it takes long
			synced += other.synced(tenants, to+"|1|1")
		}
		ours += y.switchAll(tenants, abreast, from, to)
		bare += other.commands(tenants, to+"|1|1")
		from, to = to, from
	}
	switches := float64(tenants * b.N)
	b.ReportMetric(ours.Seconds()*1e3/switches, "ms/switch")
	b.ReportMetric(bare.Seconds()*1e3/switches, "ms/command")
	b.ReportMetric(ours.Seconds()/bare.Seconds(), "x-command-time")
	if synced > 0 {
		b.ReportMetric(synced.Seconds()*1e3/switches, "ms/synced-command")
		b.ReportMetric(ours.Seconds()/synced.Seconds(), "x-synced-command-time")
	}
}

// BenchmarkSwitch compares single switches with the bare commands of the Runtime API. What a switch
// does beyond its command is to write the table and the map file durably, and to send a request.
func BenchmarkSwitch(b *testing.B) {
	for _, abreast := range []int{1, 50} {
		b.Run(fmt.Sprintf("abreast=%d", abreast), func(b *testing.B) {
			compare(b, *benchSingle, abreast, gateway.NewFileTable(b.TempDir()+"/table"), nil)
		})
	}
}

// BenchmarkSwitchAll compares the switch of all tenants at once with one command and one connection
// each: the change of table, map file and map alone, and with a request of each tenant.
func BenchmarkSwitchAll(b *testing.B) {
	for _, name := range []string{"change", "confirmed"} {
		b.Run(name, func(b *testing.B) {
			table := &believer{FileTable: gateway.NewFileTable(b.TempDir() + "/table")}
			var prober probe.Prober
			if name == "change" {
				prober = table
			}
			compare(b, *benchAll, *benchAll, table, prober)
		})
	}
}

// believer is a table, and a prober that sends no request and says what the table does.
type believer struct {
	*gateway.FileTable
	rows atomic.Pointer[gateway.Rows]
}

func (t *believer) Load(ctx context.Context) (gateway.Rows, uint64, error) {
	rows, rev, err := t.FileTable.Load(ctx)
	t.rows.Store(&rows)
	return rows, rev, err
}

func (t *believer) ProbeSeries(ctx context.Context, endpoints []probe.Endpoint) []probe.Result {
	results := make([]probe.Result, len(endpoints))
	for i, ep := range endpoints {
		results[i].Observation, results[i].Err = t.Probe(ctx, ep)
	}
	return results
}

func (t *believer) Probe(_ context.Context, ep probe.Endpoint) (probe.Observation, error) {
	return probe.Observation{Version: (*t.rows.Load())[ep.ID].String()}, nil
}
