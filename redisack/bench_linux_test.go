package redisack

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cutover-go/cutover/redisack/httpprobe"
)

const (
	eachMembers = 10_000
	eachRounds  = 10 // over one connection; the last answer confirms
	eachServes  = "REDISACK_BENCH_SERVES"
)

// BenchmarkConfirmEach compares the confirmation of 10,000 endpoints with a bare bounded fan-out as
// BenchmarkConfirm does, but each endpoint has an address and a connection of its own, over which
// it is asked ten times. The endpoints are another process, since one process may have too few file
// descriptors for both ends; its processor time does not count.
func BenchmarkConfirmEach(b *testing.B) {
	port := startEach(b)
	members := make([]Endpoint, eachMembers)
	for i := range members {
		members[i] = Endpoint{ID: fmt.Sprint(i), URL: fmt.Sprintf("http://127.1.%d.%d:%s/%d", i/250, i%250+1, port, i)}
	}
	mem := new(memory)
	c := newClient(memoryBackend{mem}, Config{})
	target, err := c.Write(b.Context(), change())
	if err != nil {
		b.Fatal(err)
	}
	check := Check{Fleet: Static(members...), Prober: overHTTP(b, httpprobe.Config{Version: httpprobe.JSONField("version"), AllowLoopback: true, KeepAlive: eachMembers})}
	check.Policy = Policy{Interval: Interval{Base: 1, Max: 1}, FirstAttemptTimeout: benchTimeout, AttemptTimeout: benchTimeout, Timeout: -1}
	ours := func() {
		res, err := c.Confirm(b.Context(), target, check)
		if err != nil || res.Attempts != eachRounds*eachMembers {
			b.Errorf("%v, %d attempts", err, res.Attempts)
		}
	}
	bare := func() {
		transport := &http.Transport{MaxIdleConnsPerHost: 1, DisableCompression: true}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		for range eachRounds - 1 {
			fanOut(b, client, members, "v1")
		}
		fanOut(b, client, members, "v2")
	}
	rounds := compare(b, eachRounds*eachMembers, ours, bare)
	made, err := get(b.Context(), http.DefaultClient, "http://127.0.0.1:"+port+"/connections")
	if n, _ := strconv.Atoi(made); err != nil || n > rounds*eachMembers*101/100 { // net/http gives up some on a busy machine
		b.Errorf("%s connections for %d times %d endpoints, %v", made, rounds, eachMembers, err)
	}
}

// startEach starts the process of the endpoints and returns their port.
func startEach(b *testing.B) string {
	b.Helper()
	server := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestServesBenchmark$", "-test.timeout=0")
	server.Env = append(os.Environ(), eachServes+"=1")
	server.Stderr = os.Stderr
	stdin, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = server.Wait()
	})
	port, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(port)
}

// TestServesBenchmark is not a test but the process of the endpoints of BenchmarkConfirmEach. It
// ends when its standard input ends.
func TestServesBenchmark(t *testing.T) {
	if os.Getenv(eachServes) == "" {
		t.Skip("only BenchmarkConfirmEach starts it")
	}
	// All addresses of the loopback interface, and no other.
	lo := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		failed := raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptString(int(fd), syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, "lo")
		})
		if failed != nil {
			return failed
		}
		return err
	}}
	listener, err := lo.Listen(t.Context(), "tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	var asked [eachMembers]atomic.Int64
	var connections atomic.Int64
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			version := "v1"
			i, err := strconv.Atoi(r.URL.Path[1:])
			if err != nil {
				version = strconv.FormatInt(connections.Load(), 10)
			} else if asked[i].Add(1)%eachRounds == 0 {
				version = "v2"
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"version":"`+version+`","uptime":12345,"name":"gateway"}`)
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		},
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	fmt.Println(port)
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = server.Close()
	serving.Wait()
}
