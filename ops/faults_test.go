package ops_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// everything are requests for all paths about plan 1, for its creation, and for lists.
func everything() []string {
	return append(paths(1), "GET plans", "POST plans", "POST preview", "GET me", "GET health", "GET ready")
}

// request sends one of them, with a body that it needs.
func (s *site) request(path string, headers ...string) reply {
	s.t.Helper()
	method, target, _ := strings.Cut(path, " ")
	body := ""
	switch {
	case method == "GET":
	case target == "plans" || target == "preview":
		body = small
	case strings.HasSuffix(target, "tune"):
		body = `{"reason":"r","maxFailures":1}`
	default:
		body = `{"reason":"r"}`
	}
	return s.send(method, target, body, headers...)
}

// Whatever calls of the store fail, and whichever answers are lost: a request is answered, refused,
// or told that the store is away.
func TestStoreFaults(t *testing.T) {
	t.Parallel()
	away := 0
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			faulty := storetest.Faulty(memstore.New(), storetest.FaultConfig{Seed: seed, Before: 0.8, After: 0.1})
			faulty.Disarm()
			s := newSite(t, faulty, ops.Config{})
			s.create(plan.Spec{}, "a")
			faulty.Arm()
			for _, path := range everything() {
				r := s.request(path, "Idempotency-Key", "k")
				switch {
				case r.status == http.StatusServiceUnavailable && r.header.Get("Retry-After") != "" && (r.code() == "STORE_UNAVAILABLE" || r.code() == "NOT_READY"):
					away++
				case r.status >= http.StatusInternalServerError || r.body == nil:
					t.Errorf("seed %d, %s: %d %s", seed, path, r.status, r.text)
				}
			}
		})
	}
	if away == 0 {
		t.Error("no fault has reached an answer")
	}
}

// While the store is away everything says so, but what does not ask it.
func TestStoreThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		faulty := storetest.Faulty(memstore.New(), storetest.FaultConfig{})
		s := newSite(t, faulty, ops.Config{})
		s.create(plan.Spec{}, "a")
		faulty.Partition()
		for _, path := range everything() {
			want := http.StatusServiceUnavailable
			if path == "POST preview" || path == "GET me" || path == "GET health" {
				want = http.StatusOK
			}
			if r := s.request(path); r.status != want || strings.Contains(r.text, "injected") {
				t.Errorf("%s: %d %s", path, r.status, r.text)
			}
		}
	})
}
