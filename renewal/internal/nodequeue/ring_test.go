package nodequeue

import (
	"testing"
	"time"
)

func TestRing(t *testing.T) {
	t.Parallel()
	var r ring[int]
	next, want := 0, 0
	for round := range 50 {
		for range round * 7 {
			r.push(Item[int]{Due: time.Duration(next)})
			next++
		}
		for _, it := range r.take(nil, round*5) {
			if int(it.Due) != want {
				t.Fatalf("item %d, want %d", it.Due, want)
			}
			want++
		}
	}
	rest := r.take(nil, r.n)
	if want+len(rest) != next || r.n != 0 {
		t.Errorf("%d of %d items came out", want+len(rest), next)
	}
}

func TestRingReleasesItsMemory(t *testing.T) {
	t.Parallel()
	var r ring[int]
	for range 100_000 {
		r.push(Item[int]{})
	}
	r.take(nil, 100_000)
	if len(r.buf) > keptRing {
		t.Errorf("an empty ring has %d places", len(r.buf))
	}
}
