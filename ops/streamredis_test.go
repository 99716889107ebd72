package ops_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/redisstore"
)

// A process that does not run shows, in order and once, what another process does, over a real
// Redis. Its client comes back to a third process in the middle.
func TestStreamOverRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	site := func() *site {
		s, err := redisstore.Open(t.Context(), server.Client(), redisstore.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return newSite(t, s, ops.Config{})
	}
	worker, err := redisstore.Open(t.Context(), server.Client(), redisstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	runAlso(t, worker, takes(time.Millisecond, 20*time.Millisecond))
	one, two := site(), site()
	id := one.create(plan.Spec{Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(4)}}, many(100)...)
	first := listenTo(t, one.handler, nil)
	lines, leave := tune(t, first.URL+"/api/stream?plan="+id.String())
	await(t, lines, "event: plan")
	one.start(id)
	seen, last := int64(1), ""
	follow := func(lines <-chan string, until int64) {
		t.Helper()
		for line := range lines {
			data, is := strings.CutPrefix(line, "data: ")
			if text, has := strings.CutPrefix(line, "id: "); has {
				last = text
			}
			var m struct{ Events []struct{ Seq int64 } }
			if !is || json.Unmarshal([]byte(data), &m) != nil {
				continue
			}
			for _, e := range m.Events {
				if e.Seq != seen+1 {
					t.Fatalf("event %d follows %d", e.Seq, seen)
				}
				seen = e.Seq
			}
			if seen >= until {
				return
			}
		}
		t.Fatalf("the stream ends after event %d", seen)
	}
	follow(lines, 50)
	leave()
	second := listenTo(t, two.handler, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, second.URL+"/api/stream?plan="+id.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", last)
	answer, err := second.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	rest := make(chan string)
	go func() {
		defer close(rest)
		s := bufio.NewScanner(answer.Body)
		for s.Buffer(nil, 1<<20); s.Scan(); {
			select {
			case rest <- s.Text():
			case <-t.Context().Done():
				return
			}
		}
	}()
	follow(rest, 203)
}
