package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// secret signs what is posted in tests.
const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="

// posted is a notification, and whether it was signed with the secret.
type posted struct {
	document
	signed bool
}

// receiver returns the URL of a webhook, and what is posted to it.
func receiver(t *testing.T) (url string, all <-chan posted) {
	t.Helper()
	messages := make(chan posted, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mac := hmac.New(sha256.New, []byte("0123456789abcdef"))
		mac.Write([]byte(r.Header.Get("Webhook-Id") + "." + r.Header.Get("Webhook-Timestamp") + "." + string(body)))
		m := posted{signed: r.Header.Get("Webhook-Signature") == "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))}
		if err := json.Unmarshal(body, &m.document); err != nil {
			t.Error(err)
		}
		messages <- m
	}))
	t.Cleanup(server.Close)
	return server.URL, messages
}

// TestNotifiers has the failures of a plan posted to a webhook, and asks how its notifiers are.
func TestNotifiers(t *testing.T) {
	t.Parallel()
	url, messages := receiver(t)
	p := start(t, "", "-demo", "-webhook", url, "-url", "https://ops.example/api/")
	p.eventually("notifiers", func(d document) bool { return len(d["notifiers"].([]any)) == 2 })
	status, d := p.ask(http.MethodPost, "plans", `{"name": "night", "tenantIds": ["broken-a"], "executorType": "BLUE_GREEN_SWITCH"}`)
	want(t, status, d, 201, document{"planId": 1.0})
	status, d = p.ask(http.MethodPost, "plans/1/start", "")
	want(t, status, d, 200, document{"state": "RUNNING"})
	want(t, 0, p.rest("1"), 0, document{"state": "FAILED"})
	for failed := false; !failed; {
		m := next(t, messages)
		if !m.signed || m.document["notifier"] != "webhook" || m.document["link"] != "https://ops.example/api/?plan=1" {
			t.Errorf("posted %v, signed %t", m.document, m.signed)
		}
		failed = m.document["kind"] == "failures" && strings.Contains(m.document["title"].(string), "broken-a")
	}
	status, d = p.ask(http.MethodPost, "notifiers/webhook/test", "")
	want(t, status, d, 200, document{"sent": 1.0})
	for next(t, messages).document["kind"] != "test" {
		continue
	}
	_, d = p.ask(http.MethodGet, "notifiers", "")
	for _, n := range d["notifiers"].([]any) {
		if n := document(n.(map[string]any)); n["lastError"] != nil || len(n["actions"].([]any)) == 0 {
			t.Errorf("%v", n)
		}
	}
}

// next returns the next notification.
func next(t *testing.T, messages <-chan posted) posted {
	t.Helper()
	select {
	case m := <-messages:
		return m
	case <-time.After(time.Minute):
		t.Fatal("nothing more is posted")
		return posted{}
	}
}
