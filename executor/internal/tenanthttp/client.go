// Package tenanthttp calls the HTTP services of the ready-made executors: JSON resources of
// tenants, each answer judged by one table of failures. A service is asked with GET and changed
// with PUT. A change carries a fencing token and an idempotency key, no redirect is followed,
// bodies are bounded, and pages for people and answers about other tenants are bad answers.
//
// The package imports executor and task.
package tenanthttp

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
	"github.com/cutover-go/cutover/task"
)

// The headers of every change.
const (
	// HeaderKey carries [Change.Key]. It also allows net/http to send a change again when a
	// kept-alive connection turns out to be closed.
	HeaderKey = "Idempotency-Key"
	// HeaderToken carries [Change.Token] as a decimal number.
	HeaderToken = "Cutover-Token"
)

// Config configures a [Client]. The zero value is ready to use. The packages with ready-made
// services document it; their types must have the same fields.
type Config struct {
	Timeout   time.Duration
	Header    http.Header
	Transport http.RoundTripper
}

// Change identifies a change of a tenant.
type Change struct {
	TenantID string
	Token    task.Token
	Key      string
}

const (
	defaultCallTimeout = 10 * time.Second
	maxBody            = 64 << 10
)

// Client calls one HTTP service.
type Client struct {
	service Service
	base    string
	config  Config
	http    *http.Client
}

// New returns a client of the service at baseURL, or every fault of the arguments.
func New(s Service, baseURL string, c Config) (client *Client, faults []string) {
	faults = urlFaults(baseURL)
	if c.Timeout < 0 {
		faults = append(faults, "HTTPConfig.Timeout is negative")
	}
	if c.Transport != nil && nilcheck.IsNil(c.Transport) {
		faults = append(faults, "HTTPConfig.Transport is a nil pointer")
	}
	faults = append(faults, headerFaults(c.Header)...)
	if len(faults) > 0 {
		return nil, faults
	}
	if c.Timeout == 0 {
		c.Timeout = defaultCallTimeout
	}
	c.Header = c.Header.Clone()
	return &Client{
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

// Get requests a resource of a tenant, a path with an optional query, and decodes the answer into
// out.
func (c *Client) Get(ctx context.Context, tenantID, resource string, out any) error {
	return c.call(ctx, http.MethodGet, tenantID, resource, nil, http.Header{}, out)
}

// BadAnswer returns the failure of an answer that is not what was asked for, with the reason.
func (c *Client) BadAnswer(reason string) error {
	return c.service.fail(badAnswer, errors.New(reason))
}

// Put makes a change to a resource of a tenant.
func (c *Client) Put(ctx context.Context, ch Change, resource string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	header.Set(HeaderKey, ch.Key)
	header.Set(HeaderToken, strconv.FormatUint(uint64(ch.Token), 10))
	return c.call(ctx, http.MethodPut, ch.TenantID, resource, data, header, nil)
}

func (c *Client) call(ctx context.Context, method, tenantID, resource string, body []byte, header http.Header, out any) error {
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

func (c *Client) decode(data []byte, out any) error {
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
