package bluegreen

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cutover-go/cutover/internal/nilcheck"
)

// The headers of every change.
const (
	// HeaderKey carries [Change.Key]. It also allows net/http to send a change again when a
	// kept-alive connection turns out to be closed.
	HeaderKey = "Idempotency-Key"
	// HeaderToken carries [Change.Token] as a decimal number.
	HeaderToken = "Cutover-Token"
)

// HTTPConfig configures [HTTPGateway] and [HTTPTenants]. The zero value is ready to use.
type HTTPConfig struct {
	// Timeout bounds each call. Default 10 s.
	Timeout time.Duration
	// Header is added to each request, for instance an Authorization header. No error contains it.
	// Default: none.
	Header http.Header
	// Transport makes the calls; the host owns it. Set it for certificates, proxies and connection
	// limits. Default: [http.DefaultTransport].
	Transport http.RoundTripper
}

const (
	defaultCallTimeout = 10 * time.Second
	maxBody            = 64 << 10
)

// client calls one HTTP service.
type client struct {
	service service
	base    string
	config  HTTPConfig
	http    *http.Client
}

func newClient(s service, baseURL string, c HTTPConfig) (*client, error) {
	faults := urlFaults(baseURL)
	if c.Timeout < 0 {
		faults = append(faults, "HTTPConfig.Timeout is negative")
	}
	if c.Transport != nil && nilcheck.IsNil(c.Transport) {
		faults = append(faults, "HTTPConfig.Transport is a nil pointer")
	}
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	if c.Timeout == 0 {
		c.Timeout = defaultCallTimeout
	}
	c.Header = c.Header.Clone()
	return &client{
		service: s, base: strings.TrimSuffix(baseURL, "/"), config: c,
		http: &http.Client{
			Transport: c.Transport,
			// A redirect must not send a change to another address.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func urlFaults(baseURL string) []string {
	u, err := url.Parse(baseURL)
	if err != nil {
		return []string{"the base URL cannot be read"}
	}
	var faults []string
	if u.Scheme != "http" && u.Scheme != "https" {
		faults = append(faults, "the base URL is neither http nor https")
	}
	if u.Host == "" {
		faults = append(faults, "the base URL has no host")
	}
	if u.User != nil {
		faults = append(faults, "the base URL has a user or password: use HTTPConfig.Header")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		faults = append(faults, "the base URL has a query or a fragment")
	}
	return faults
}

// get requests a resource of a tenant and decodes the answer into out.
func (c *client) get(ctx context.Context, tenantID, resource string, out any) error {
	return c.call(ctx, http.MethodGet, tenantID, resource, nil, http.Header{}, out)
}

// put makes a change to a resource of a tenant.
func (c *client) put(ctx context.Context, ch Change, resource string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	header.Set(HeaderKey, ch.Key)
	header.Set(HeaderToken, strconv.FormatUint(uint64(ch.Token), 10))
	return c.call(ctx, http.MethodPut, ch.TenantID, resource, data, header, nil)
}

func (c *client) call(ctx context.Context, method, tenantID, resource string, body []byte, header http.Header, out any) error {
	if tenantID == "." || tenantID == ".." { // cleaning the path would remove such a segment
		return c.service.fail(refused, fmt.Errorf("tenant id %q cannot be part of a URL", tenantID))
	}
	timed, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	target := c.base + "/tenants/" + url.PathEscape(tenantID) + resource
	req, err := http.NewRequestWithContext(timed, method, target, bytes.NewReader(body))
	if err != nil {
		return c.service.fail(refused, errors.New("the request cannot be made"))
	}
	for name, values := range c.config.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	header.Set("Accept", "application/json")
	req.Header = header
	resp, err := c.http.Do(req)
	if err != nil {
		return c.service.broken(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := bodyOf(resp)
	if refusal := c.service.status(resp, out != nil); refusal != nil {
		return refusal
	}
	if err != nil {
		return c.service.broken(ctx, err)
	}
	if found := answerFault(resp.Header, data, tenantID); found != nil {
		return c.service.fail(badAnswer, found)
	}
	return c.decode(data, out)
}

// bodyOf returns the body of an answer, at most maxBody+1 bytes of it. An answer with a 1xx status,
// which can only be 101, has no body: its reader is the connection itself, and the end of a context
// does not end a read from a connection.
func bodyOf(resp *http.Response) ([]byte, error) {
	if resp.StatusCode < http.StatusOK {
		return nil, nil
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
}

// answerFault returns an error if an answer is recognisably not the service's, or not for this
// tenant: an HTML page, as proxies and login pages send, or another tenant's id.
func answerFault(header http.Header, data []byte, tenantID string) error {
	named := header.Get("Content-Type")
	if named == "" {
		named = http.DetectContentType(data)
	}
	if kind, _, _ := mime.ParseMediaType(named); kind == "text/html" || kind == "application/xhtml+xml" {
		return errors.New("a page for people, not the JSON expected")
	}
	var tenant struct {
		ID *string `json:"id"`
	}
	if json.Unmarshal(data, &tenant) == nil && tenant.ID != nil && *tenant.ID != tenantID {
		return errors.New("not the tenant asked for")
	}
	return nil
}

func (c *client) decode(data []byte, out any) error {
	if out == nil {
		return nil
	}
	if len(data) > maxBody {
		return c.service.fail(badAnswer, fmt.Errorf("more than %d bytes", maxBody))
	}
	if err := json.Unmarshal(data, out); err != nil {
		return c.service.fail(badAnswer, errors.New("not the JSON expected"))
	}
	return nil
}
