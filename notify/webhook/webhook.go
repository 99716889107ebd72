package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cutover-go/cutover/notify"
)

// Config configures a [Sink].
type Config struct {
	// Secrets sign the requests: "whsec_" and the base64 of 16 to 64 random bytes. Each makes a
	// signature. Default: the requests are not signed.
	Secrets []string
	// Header is added to every request, for instance Authorization. Values are sent as they are.
	Header http.Header
	// Client makes the requests; it follows no redirects, whatever its CheckRedirect says. Default:
	// a client with a copy of http.DefaultTransport.
	Client *http.Client
}

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("webhook: invalid configuration")

// InvalidError names every fault of the arguments of [New]. It matches [ErrInvalid].
type InvalidError struct{ Faults []string }

func (e *InvalidError) Error() string {
	return ErrInvalid.Error() + ": " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Sink posts messages. It is safe for concurrent use.
type Sink struct {
	url     string
	secrets [][]byte
	header  http.Header
	client  *http.Client
}

var _ notify.Sink = (*Sink)(nil)

// New returns a sink that posts to a URL. If an argument has faults, the error is an
// *[InvalidError], which contains no secret.
func New(address string, c Config) (*Sink, error) {
	s := &Sink{url: address, header: c.Header.Clone()}
	var faults []string
	if u, err := url.Parse(address); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		faults = append(faults, "the URL is no http or https address")
	}
	for i, text := range c.Secrets {
		key, err := secretOf(text)
		if err != nil {
			faults = append(faults, fmt.Sprintf("Secrets[%d] %v", i, err))
		}
		s.secrets = append(s.secrets, key)
	}
	for name := range c.Header {
		if strings.HasPrefix(http.CanonicalHeaderKey(name), "Webhook-") {
			faults = append(faults, "Header has "+name+", which is the sink's own")
		}
	}
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	client := http.Client{Transport: http.DefaultTransport}
	if c.Client != nil {
		client = *c.Client
	} else if t, ok := http.DefaultTransport.(*http.Transport); ok {
		client.Transport = t.Clone()
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.client = &client
	return s, nil
}

// Send implements [notify.Sink].
func (s *Sink) Send(ctx context.Context, m notify.Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return notify.Permanent(fmt.Errorf("webhook: %w", err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return notify.Permanent(errors.New("webhook: the request cannot be made"))
	}
	maps.Copy(req.Header, s.header)
	req.Header.Set("Content-Type", "application/json")
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Webhook-Id", m.ID)
	req.Header.Set("Webhook-Timestamp", stamp)
	if len(s.secrets) > 0 {
		req.Header.Set("Webhook-Signature", sign(s.secrets, m.ID, stamp, body))
	}
	resp, err := s.client.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // without the URL
		}
		return fmt.Errorf("webhook: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	return judge(resp)
}

// judge returns the error that an answer means.
func judge(resp *http.Response) error {
	code := resp.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	err := fmt.Errorf("webhook: the receiver answered %d %s", code, http.StatusText(code))
	switch {
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return notify.RetryAfter(err, retryAfter(resp.Header.Get("Retry-After")))
	}
	return notify.Permanent(err)
}

// retryAfter returns the pause that a header asks for: seconds, or a date; 0 if it is neither.
func retryAfter(text string) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(0, seconds), 24*3600)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
