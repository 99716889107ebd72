package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/notify/webhook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secret returns a secret and its text.
func secret(letter string) (key []byte, text string) {
	key = []byte(strings.Repeat(letter, 24))
	return key, "whsec_" + base64.StdEncoding.EncodeToString(key)
}

// sinkTo returns a sink that posts to a server, and closes what it leaves open.
func sinkTo(t *testing.T, address string, c webhook.Config) *webhook.Sink {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c.Client = &http.Client{Transport: transport}
	s, err := webhook.New(address, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve returns a server on loopback.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// A request has the message as JSON, and a signature for each secret.
func TestRequest(t *testing.T) {
	t.Parallel()
	newKey, newText := secret("n")
	oldKey, oldText := secret("o")
	var got *http.Request
	var body []byte
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	sink := sinkTo(t, server.URL+"/hook?x=1", webhook.Config{
		Secrets: []string{newText, oldText}, Header: http.Header{"Authorization": {"Bearer token"}},
	})
	m := notify.Message{ID: "msg_1", Notifier: "hooks", Kind: notify.KindFailures, Severity: notify.Error, Plan: 7, Failures: 3, Title: "三"}
	if err := sink.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	stamp := got.Header.Get("Webhook-Timestamp")
	if at, err := strconv.ParseInt(stamp, 10, 64); err != nil || time.Since(time.Unix(at, 0)).Abs() > time.Minute {
		t.Errorf("timestamp %q", stamp)
	}
	var want []string
	for _, key := range [][]byte{newKey, oldKey} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("msg_1." + stamp + "." + string(body)))
		want = append(want, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	if s := got.Header.Get("Webhook-Signature"); s != strings.Join(want, " ") {
		t.Errorf("signature %q, want %q", s, want)
	}
	if got.Method != http.MethodPost || got.URL.String() != "/hook?x=1" || got.Header.Get("Webhook-Id") != "msg_1" ||
		got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Authorization") != "Bearer token" {
		t.Errorf("%s %s, headers %v", got.Method, got.URL, got.Header)
	}
	var sent map[string]any
	if err := json.Unmarshal(body, &sent); err != nil || sent["severity"] != "error" || sent["kind"] != "failures" || sent["failures"] != 3.0 {
		t.Errorf("body %s: %v", body, err)
	}
}

// Each answer means: sent, try again, or give up.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{
		200: "sent", 204: "sent", 301: "given up", 302: "given up", 307: "given up", 400: "given up", 401: "given up", 404: "given up", 410: "given up",
		408: "again", 425: "again", 429: "again", 500: "again", 502: "again", 503: "again",
	} {
		var asked atomic.Int64
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if r.URL.Path == "/" {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(code)
			}
		})
		err := sinkTo(t, server.URL+"/?token=secret", webhook.Config{}).Send(t.Context(), notify.Message{ID: "1"})
		got := "sent"
		switch {
		case notify.IsPermanent(err):
			got = "given up"
		case err != nil:
			got = "again"
		}
		if got != want || asked.Load() != 1 {
			t.Errorf("%d: %s after %d requests, want %s", code, got, asked.Load(), want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%d: error %v", code, err)
		}
	}
}

// A receiver that is not there, or does not answer in time, is tried again; errors do not tell the
// query of the URL.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(hang) })
	away := serve(t, nil)
	away.Close()
	for name, address := range map[string]string{"slow": slow.URL, "away": away.URL} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		err := sinkTo(t, address+"?token=secret", webhook.Config{}).Send(ctx, notify.Message{ID: "1"})
		cancel()
		if err == nil || notify.IsPermanent(err) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A receiver that fails, hangs, asks for a pause and is away gets every message in order; the id of
// a message is the same at each try.
func TestUnreliableReceiver(t *testing.T) {
	t.Parallel()
	e, err := cutover.New(memstore.New(), cutover.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var tried, got []string
	var paused time.Time
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("Webhook-Id")
		switch tried = append(tried, id); len(tried) {
		case 1, 2:
			w.WriteHeader(http.StatusInternalServerError)
		case 3:
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done() // the notifier waits no longer
		case 4:
			paused = time.Now()
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		case 5:
			if time.Since(paused) < time.Second {
				t.Errorf("asked again after %v", time.Since(paused))
			}
			got = append(got, id)
		default:
			got = append(got, id)
		}
	})
	n, err := notify.New(e, "hooks", sinkTo(t, server.URL, webhook.Config{}), notify.Config{
		FromStart: true, Timeout: 2 * time.Second, RetryMin: 10 * time.Millisecond, RetryMax: 20 * time.Millisecond,
		PollInterval: 20 * time.Millisecond, OnFault: func(string, error) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = n.Run(ctx) })
	defer running.Wait()
	defer cancel()
	p, err := e.Create(ctx, plan.Spec{Name: "p", ExecutorType: "X", Tenants: plan.Tenants("a")}, cutover.ExecutorElsewhere())
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []func(context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error){e.Start, e.Pause, e.Cancel} {
		if _, err := command(ctx, p.ID); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		done := len(got) >= 4
		mu.Unlock()
		if done {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("tried %v, got %v", tried, got)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for i := range 5 {
		if tried[i] != tried[0] || got[0] != tried[0] {
			t.Errorf("try %d has the id %s, the first %s", i+1, tried[i], tried[0])
		}
	}
	if len(got) != 4 {
		t.Errorf("%d messages, want 4", len(got))
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	_, short := secret("")
	for address, c := range map[string]webhook.Config{
		"ftp://x": {Secrets: []string{"plain", short}, Header: http.Header{"webhook-id": {"1"}}}, "http://": {}, "x": {}, "://": {},
	} {
		_, err := webhook.New(address, c)
		var invalid *webhook.InvalidError
		if !errors.As(err, &invalid) || !errors.Is(err, webhook.ErrInvalid) || len(invalid.Faults) != 1+len(c.Secrets)+len(c.Header) {
			t.Errorf("%s: error %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "plain") {
			t.Errorf("error %v tells a secret", err)
		}
	}
}
