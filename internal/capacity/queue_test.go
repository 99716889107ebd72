package capacity_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/plan"
)

func ready(q *capacity.Queue, ids ...plan.ID) {
	for _, id := range ids {
		q.SetReady(&capacity.Plan{ID: id}, true)
	}
}

func raised(q *capacity.Queue) bool {
	select {
	case <-q.Changed():
		return true
	default:
		return false
	}
}

func expectNext(t *testing.T, q *capacity.Queue, wantID plan.ID, wantN int) *capacity.Plan {
	t.Helper()
	p, n := q.Next()
	if n != wantN || n > 0 && p.ID != wantID {
		t.Fatalf("next is %v, %d; want plan %s, %d", p, n, wantID, wantN)
	}
	return p
}

func TestNextSharesWhatIsFree(t *testing.T) {
	t.Parallel()
	q := capacity.NewQueue(10)
	expectNext(t, q, 0, 0)
	ready(q, 1, 2)
	one := expectNext(t, q, 1, 5)
	expectNext(t, q, 2, 5) // all the free capacity: no other plan waits
	expectNext(t, q, 0, 0)
	q.ClaimDone(one, true)
	q.Release(2)
	expectNext(t, q, 1, 2)
}

func TestOneClaimOfAPlanAtATime(t *testing.T) {
	t.Parallel()
	q := capacity.NewQueue(10)
	ready(q, 1)
	p := expectNext(t, q, 1, 10)
	q.Release(8)
	expectNext(t, q, 0, 0)
	q.ClaimDone(p, true)
	expectNext(t, q, 1, 8)
}

// A plan that ceases to be ready during a claim, and is ready again before the claim has ended,
// waits for its end; while it is not ready, it makes nobody release capacity.
func TestReadyAgainDuringAClaim(t *testing.T) {
	t.Parallel()
	q := capacity.NewQueue(2)
	ready(q, 1)
	p := expectNext(t, q, 1, 2)
	q.SetReady(p, false)
	if q.Contended(2) {
		t.Error("the plan is not ready")
	}
	ready(q, 1)
	if !q.Contended(2) {
		t.Error("the plan is ready")
	}
	q.Release(1)
	expectNext(t, q, 0, 0)
	q.Remove(1)
	ready(q, 1)
	expectNext(t, q, 0, 0)
	q.ClaimDone(p, true)
	expectNext(t, q, 1, 1)
	q.Remove(1)
	q.ClaimDone(p, false)
	expectNext(t, q, 0, 0)
}

func TestReadyPlans(t *testing.T) {
	t.Parallel()
	q := capacity.NewQueue(4)
	ready(q, 1, 2, 3)
	q.SetReady(&capacity.Plan{ID: 1}, false)
	q.Remove(2)
	p := expectNext(t, q, 3, 4)
	q.ClaimDone(p, false)
	q.Release(4)
	expectNext(t, q, 0, 0)
}

func TestContended(t *testing.T) {
	t.Parallel()
	q := capacity.NewQueue(2)
	ready(q, 1)
	q.Next()
	if q.Contended(1) {
		t.Error("only its own plan is ready")
	}
	ready(q, 2)
	if !q.Contended(1) {
		t.Error("another plan waits for the capacity")
	}
	q.Release(1)
	if q.Contended(1) {
		t.Error("some capacity is free")
	}
}

func TestPending(t *testing.T) {
	t.Parallel()
	q := capacity.NewQueue(1)
	if raised(q) {
		t.Error("raised before anything has happened")
	}
	q.Enqueue(3)
	q.Enqueue(3)
	q.Enqueue(1)
	if !raised(q) {
		t.Error("nothing is raised for a plan to look at")
	}
	got := q.Pending()
	slices.Sort(got)
	if !slices.Equal(got, []plan.ID{1, 3}) || len(q.Pending()) > 0 {
		t.Errorf("pending are %v, then %v", got, q.Pending())
	}
	q.Release(0)
	if !raised(q) {
		t.Error("nothing is raised for capacity given back")
	}
}

// In random histories the plans never take more than the capacity, and a ready plan is passed over
// at most twice as many times as there are plans before it is served.
func TestFairness(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		const plans = 6
		size := 1 + r.IntN(12)
		q := capacity.NewQueue(size)
		ready(q, 1, 2, 3, 4, 5, 6)
		taken, passedOver := 0, [plans + 1]int{}
		var claims []*capacity.Plan
		claiming := func(id plan.ID) bool {
			return slices.ContainsFunc(claims, func(p *capacity.Plan) bool { return p.ID == id })
		}
		for range 500 {
			switch p, n := q.Next(); {
			case n > 0:
				if taken += n; taken > size {
					t.Fatalf("seed %d: %d of %d are taken", seed, taken, size)
				}
				for id := plan.ID(1); id <= plans; id++ {
					if id != p.ID && !claiming(id) {
						passedOver[id]++
					}
				}
				if passedOver[p.ID] > 2*plans {
					t.Fatalf("seed %d: plan %s was passed over %d times", seed, p.ID, passedOver[p.ID])
				}
				passedOver[p.ID] = 0
				claims = append(claims, p)
			case len(claims) > 0:
				i := r.IntN(len(claims))
				q.ClaimDone(claims[i], true)
				claims = slices.Delete(claims, i, i+1)
			}
			if taken > 0 && r.IntN(2) == 0 {
				n := 1 + r.IntN(taken)
				q.Release(n)
				taken -= n
			}
		}
	}
}
