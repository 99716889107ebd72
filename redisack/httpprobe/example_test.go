package httpprobe_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/cutover-go/cutover/redisack/httpprobe"
	"github.com/cutover-go/cutover/redisack/probe"
)

// A gateway asks through the data path which route is live for a tenant.
func Example() {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Instance", "proxy-1")
		w.Header().Set("X-Route", "blue|42")
		_, _ = io.WriteString(w, "hello "+r.Header.Get("X-Tenant"))
	}))
	defer proxy.Close()

	prober, err := httpprobe.New(httpprobe.Config{
		Version:  httpprobe.Header("X-Route"),
		Instance: httpprobe.Header("X-Instance"),
		Headers: func(ep probe.Endpoint) http.Header {
			return http.Header{"X-Tenant": {ep.ID}}
		},
		AllowLoopback: true, // the proxy of this example is on this machine
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	seen, err := prober.Probe(context.Background(), probe.Endpoint{ID: "tenant-7", URL: proxy.URL})
	fmt.Println(seen.Instance, seen.Version, err)
	// Output: proxy-1 blue|42 <nil>
}

// An invalid configuration is an error of New.
func ExampleNew_invalid() {
	_, err := httpprobe.New(httpprobe.Config{Instance: httpprobe.Header("X-Instance")})
	fmt.Println(err)
	// Output: httpprobe: invalid configuration: Version is missing: there is nothing to compare
}
