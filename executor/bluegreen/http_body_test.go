package bluegreen_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
)

// bomb returns 8 MiB of zeros, compressed to a few kilobytes.
var bomb = sync.OnceValue(func() []byte { //nolint:gochecknoglobals // a constant
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for range 1 << 7 {
		_, _ = z.Write(make([]byte, 1<<16)) // writing to a bytes.Buffer cannot fail
	}
	_ = z.Close()
	return b.Bytes()
})

// TestNoAnswerHoldsACallUp checks that a call returns even if the answer of the service does not
// end, does not arrive or is huge, and that a query then fails.
func TestNoAnswerHoldsACallUp(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"another protocol": func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			defer func() { _ = c.Close() }()
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			_, _ = c.Read(make([]byte, 1)) // until the client hangs up
		},
		"a body without end": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write(bytes.Repeat([]byte{' '}, 1<<10))
			}
		},
		"a body that comes byte by byte": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte{' '})
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Millisecond) // a slow sender, not a busy loop
			}
		},
		"a body that does not come": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "20")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"a refusal whose body does not come": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"a bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, bluegreen.Config{})
			url := serve(t, h)
			config := httpConfig(t, 300*time.Millisecond)
			var err error
			if l.gateway, err = bluegreen.NewHTTPGateway(url, config); err != nil {
				t.Fatal(err)
			}
			if l.tenants, err = bluegreen.NewHTTPTenants(url, config); err != nil {
				t.Fatal(err)
			}
			for _, op := range []bluegreentest.Op{bluegreentest.Info, bluegreentest.Status, bluegreentest.Current, bluegreentest.Switch} {
				done := make(chan error, 1)
				go func() { done <- l.request(context.Background(), op, tenantID) }()
				select {
				case err := <-done:
					ask := op == bluegreentest.Info || op == bluegreentest.Current
					if ask && err == nil {
						t.Errorf("%s: answered", op)
					}
				case <-time.After(patient):
					t.Errorf("%s: the call does not end", op)
				}
			}
		})
	}
}
