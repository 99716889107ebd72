package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// pace is the time between two requests of one tenant.
	pace = 25 * time.Millisecond
	// remembered is the number of answers that are shown of each tenant.
	remembered = 40
)

// traffic are the users of all tenants: one request after the other, over connections that are kept
// alive.
type traffic struct {
	url     string
	tenants []string
	client  *http.Client
	// moved is called when a tenant is answered by another colour than before.
	moved func(tenant, from, to string, requests int)

	mu       sync.Mutex
	answers  map[string][]string // the last answers of each tenant, the newest at the end
	counted  map[string]int      // the answers in a row by the same colour
	requests int
	lost     int
	lastLost error
}

func newTraffic(url string, tenants []string) *traffic {
	return &traffic{
		url: url, tenants: tenants, answers: map[string][]string{}, counted: map[string]int{},
		client: &http.Client{
			Timeout:   10 * time.Second,
			Transport: &http.Transport{MaxIdleConnsPerHost: len(tenants)},
		},
		moved: func(string, string, string, int) {},
	}
}

// run sends requests until ctx ends, and returns when all are answered.
func (t *traffic) run(ctx context.Context) {
	defer t.client.CloseIdleConnections()
	var sending sync.WaitGroup
	for _, tenant := range t.tenants {
		sending.Go(func() {
			for ctx.Err() == nil {
				t.record(tenant)(t.ask(context.WithoutCancel(ctx), tenant))
				select {
				case <-time.After(pace):
				case <-ctx.Done():
				}
			}
		})
	}
	sending.Wait()
}

// ask sends one request and returns the colour that answers.
func (t *traffic) ask(ctx context.Context, tenant string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header.Set("X-Tenant", tenant)
	resp, err := t.client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", resp.Status)
	}
	return string(body), err
}

// record returns a function that records an answer of a tenant.
func (t *traffic) record(tenant string) func(colour string, err error) {
	return func(colour string, err error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.requests++
		if err != nil {
			t.lost++
			t.lastLost = err
			return
		}
		answers := t.answers[tenant]
		if n := len(answers); n > 0 && answers[n-1] != colour {
			t.moved(tenant, answers[n-1], colour, t.counted[tenant])
			t.counted[tenant] = 0
		}
		t.counted[tenant]++
		answers = append(answers, colour)
		t.answers[tenant] = answers[max(0, len(answers)-remembered):]
	}
}

// snapshot is what is shown of the traffic.
type snapshot struct {
	answers        map[string][]string
	requests, lost int
	lastLost       error
}

func (t *traffic) snapshot() snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := snapshot{answers: make(map[string][]string, len(t.answers)), requests: t.requests, lost: t.lost, lastLost: t.lastLost}
	for tenant, answers := range t.answers {
		s.answers[tenant] = slices.Clone(answers)
	}
	return s
}
