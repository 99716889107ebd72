package canary

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/cutover-go/cutover/executor/internal/tenanthttp"
)

// The headers of every change.
const (
	// HeaderKey carries [Change.Key]. It also allows net/http to send a change again when a
	// kept-alive connection turns out to be closed.
	HeaderKey = tenanthttp.HeaderKey
	// HeaderToken carries [Change.Token] as a decimal number.
	HeaderToken = tenanthttp.HeaderToken
)

// HTTPConfig configures [HTTPWeights] and [HTTPHealth]. The zero value is ready to use.
type HTTPConfig struct {
	// Timeout bounds each call. Default 10 s.
	Timeout time.Duration
	// Header is added to each request, for instance an Authorization header. It is refused if it
	// has a line break or another control character, as a secret from a file may have, or contains
	// [HeaderKey] or [HeaderToken]. No error contains it. Default: none.
	Header http.Header
	// Transport makes the calls; the host owns it. Set it for certificates, proxies and connection
	// limits. Default: [http.DefaultTransport].
	Transport http.RoundTripper
}

func newClient(s tenanthttp.Service, baseURL string, c HTTPConfig) (*tenanthttp.Client, error) {
	client, faults := tenanthttp.New(s, baseURL, tenanthttp.Config(c))
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	return client, nil
}

// HTTPWeights is a [Weights] over HTTP with JSON:
//
//	GET {base}/tenants/{id}/weight   ->  {"weight":5}
//	PUT {base}/tenants/{id}/weight   <-  {"weight":25,"from":5}
//
// A GET must be answered with 200, a PUT with any 2xx. A 2xx to a PUT proves nothing: the executor
// checks the result with a GET. 404 is TENANT_NOT_FOUND, 412 is TENANT_MOVED_ON; the package
// comment lists the other failures. An answer that is HTML, or contains another tenant's "id", is a
// bad answer. Retry-After is honoured, see [executor.Retry]. A PUT carries [HeaderKey] and
// [HeaderToken]. Redirects are not followed, and the size of bodies is limited.
type HTTPWeights struct{ client *tenanthttp.Client }

// NewHTTPWeights returns the weights at baseURL, or an *[InvalidError].
func NewHTTPWeights(baseURL string, c HTTPConfig) (*HTTPWeights, error) {
	client, err := newClient(tenanthttp.Service{Name: "Weights API", Prefix: "WEIGHTS"}, baseURL, c)
	if err != nil {
		return nil, err
	}
	return &HTTPWeights{client}, nil
}

// Weight returns the tenant's weight.
func (h *HTTPWeights) Weight(ctx context.Context, tenantID string) (int, error) {
	var answer struct {
		Weight *int `json:"weight"`
	}
	if err := h.client.Get(ctx, tenantID, "/weight", &answer); err != nil {
		return 0, err
	}
	if answer.Weight == nil {
		return 0, h.client.BadAnswer("no weight")
	}
	if *answer.Weight < 0 || *answer.Weight > 100 {
		return 0, h.client.BadAnswer(fmt.Sprintf("a weight of %d percent", *answer.Weight))
	}
	return *answer.Weight, nil
}

// SetWeight sets the tenant's weight to c.To.
func (h *HTTPWeights) SetWeight(ctx context.Context, c Change) error {
	request := tenanthttp.Change{TenantID: c.TenantID, Token: c.Token, Key: c.Key}
	return h.client.Put(ctx, request, "/weight", map[string]int{"weight": c.To, "from": c.From})
}

// HTTPHealth is a [Health] over HTTP with JSON:
//
//	GET {base}/tenants/{id}/health?weight=25&heldSeconds=300
//	    ->  {"verdict":"failed","figures":{"errorRate":0.12},"reason":"too many errors"}
//
// The verdict is "passed", "failed" or "inconclusive". Any other answer, with any status but 200
// too, means that the check is missing. Retry-After postpones the next check. A figure that is null
// is left out.
type HTTPHealth struct{ client *tenanthttp.Client }

// NewHTTPHealth returns the health service at baseURL, or an *[InvalidError].
func NewHTTPHealth(baseURL string, c HTTPConfig) (*HTTPHealth, error) {
	client, err := newClient(tenanthttp.Service{Name: "Health API", Prefix: "HEALTH"}, baseURL, c)
	if err != nil {
		return nil, err
	}
	return &HTTPHealth{client}, nil
}

// Check asks the service for its verdict.
func (h *HTTPHealth) Check(ctx context.Context, p Probe) (Report, error) {
	var answer struct {
		Verdict string              `json:"verdict"`
		Figures map[string]*float64 `json:"figures"`
		Reason  string              `json:"reason"`
	}
	resource := "/health?weight=" + strconv.Itoa(p.Weight) + "&heldSeconds=" + strconv.FormatInt(int64(p.Held/time.Second), 10)
	if err := h.client.Get(ctx, p.TenantID, resource, &answer); err != nil {
		return Report{}, err
	}
	verdict, err := ParseVerdict(answer.Verdict)
	if err != nil {
		return Report{}, h.client.BadAnswer("no verdict")
	}
	figures := make(map[string]float64, len(answer.Figures))
	for name, value := range answer.Figures {
		if value != nil {
			figures[name] = *value
		}
	}
	return Report{Verdict: verdict, Figures: figures, Reason: answer.Reason}, nil
}
