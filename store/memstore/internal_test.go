package memstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// TestRecordSize checks the sizes that the package comment states.
func TestRecordSize(t *testing.T) {
	t.Parallel()
	if n := unsafe.Sizeof(record{}); n != 144 {
		t.Errorf("a record has %d bytes", n)
	}
	if n := unsafe.Sizeof(entry{}); n != 32 {
		t.Errorf("an event has %d bytes", n)
	}
}

// TestConfigDefaults checks what zero and negative values of MaxEvents mean.
func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	for set, want := range map[int]int{0: store.KeptEvents, -1: 0, -1 << 63: 0, 7: 7} {
		if got := NewWith(Config{MaxEvents: set}).cfg.MaxEvents; got != want {
			t.Errorf("MaxEvents %d is %d, want %d", set, got, want)
		}
	}
}

// TestOrdinals compares the heap's length and least ordinal with a sorted list, and checks that
// each task stores its position in the heap.
func TestOrdinals(t *testing.T) {
	t.Parallel()
	const n = 200
	rnd := rand.New(rand.NewPCG(1, 2))
	var tasks shelf
	for range n {
		tasks.add(record{}, n)
	}
	var h ordinals
	var list []uint32
	first := func() int {
		if h.downward {
			return len(list) - 1
		}
		return 0
	}
	for i := range 10_000 {
		if i == 5_000 {
			h, list = ordinals{downward: true}, nil
		}
		o := uint32(rnd.IntN(n) + 1)
		if i, in := slices.BinarySearch(list, o); in {
			h.remove(&tasks, tasks.at(o).Index)
			list = slices.Delete(list, i, i+1)
		} else {
			h.push(&tasks, o)
			list = slices.Insert(list, i, o)
		}
		if len(h.list) != len(list) || len(list) > 0 && h.first() != list[first()] || len(list) == 0 && h.first() != 0 {
			t.Fatalf("heap %+v, want the first of %v", h, list)
		}
		for i, o := range h.list {
			if tasks.at(o).Index != uint32(i) {
				t.Fatalf("ordinal %d is at %d and believes to be at %d", o, i, tasks.at(o).Index)
			}
		}
	}
}

// TestWaiters compares the first task of the heap with the least of a list, and checks that each
// task stores its position in the heap.
func TestWaiters(t *testing.T) {
	t.Parallel()
	const n = 100
	rnd := rand.New(rand.NewPCG(3, 4))
	p := &rollout{}
	for o := range uint32(n) {
		p.tasks.add(record{State: task.Running, More: new(rules.More)}, n)
		p.Changed(o+1, p.tasks.at(o+1), rules.Place{})
	}
	waiting := make(map[uint32]stamp)
	for range 10_000 {
		o := uint32(rnd.IntN(n) + 1)
		r := p.tasks.at(o)
		place := r.Place()
		if r.Waiting = !r.Waiting; r.Waiting {
			r.More.Wait.Until = stamp(1 + rnd.IntN(50)) // often the same time
			waiting[o] = r.WaitUntil()
		} else {
			delete(waiting, o)
		}
		p.Changed(o, r, place)
		var first uint32
		for o, until := range waiting {
			if first == 0 || until < waiting[first] || until == waiting[first] && o < first {
				first = o
			}
		}
		if got := p.waiters(rules.Waiting).first(); got != first || p.waiters(rules.Waiting).Len() != len(waiting) {
			t.Fatalf("first is %d, want %d of %v", got, first, waiting)
		}
		for i, o := range p.waiters(rules.Waiting).list {
			if p.tasks.at(o).Index != uint32(i) {
				t.Fatalf("ordinal %d is at %d and believes to be at %d", o, i, p.tasks.at(o).Index)
			}
		}
	}
}

func TestShelf(t *testing.T) {
	t.Parallel()
	const n = 2*shelfChunk + 7
	for _, announced := range []int{n, 1, 0} {
		var s shelf
		for i := range n {
			s.add(record{Attempt: uint32(i + 1)}, announced)
		}
		first := s.at(1)
		for o := uint32(1); o <= n; o++ {
			if s.at(o).Attempt != o {
				t.Fatalf("announced %d: record %d is %d", announced, o, s.at(o).Attempt)
			}
		}
		if first != s.at(1) {
			t.Error("a record moved")
		}
	}
}

// TestEventLogTrims checks that the log keeps the newest events up to the limit, in a bounded
// number of chunks.
func TestEventLogTrims(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 100, logChunk, logChunk + 1, 3 * logChunk} {
		l := eventLog{limit: limit}
		for i := range int64(5 * logChunk) {
			l.add(entry{at: stamp(i + 1)})
			l.trim()
			for _, seq := range []int64{l.first(), (l.first() + l.last) / 2, l.last} {
				if got := l.at(seq).at; got != stamp(seq) {
					t.Fatalf("limit %d: event %d is %d", limit, seq, got)
				}
			}
		}
		if kept := int(l.last - l.first() + 1); kept != limit {
			t.Errorf("limit %d: %d events are kept", limit, kept)
		}
		if most := limit/logChunk + 2; len(l.chunks) > most {
			t.Errorf("limit %d: %d chunks are kept", limit, len(l.chunks))
		}
	}
}

// TestClaimsAreForgotten checks that a plan remembers the claims that hold tasks and the last
// claims that hold none.
func TestClaimsAreForgotten(t *testing.T) {
	t.Parallel()
	var c claims
	held := c.add("held", "worker")
	c.hold(held)
	for i := range 10_000 {
		n := c.add(fmt.Sprint(i), "worker")
		c.hold(n)
		c.release(n)
	}
	if c.n != rules.KeptClaims+1 || len(c.list) > rules.KeptClaims+3 {
		t.Errorf("%d claims remembered in %d places", c.n, len(c.list))
	}
	if _, ok := c.find("held"); !ok {
		t.Error("a claim that holds a task is forgotten")
	}
	if _, ok := c.find("9999"); !ok {
		t.Error("the last claim is forgotten")
	}
	if _, ok := c.find("0"); ok {
		t.Error("the first claim is not forgotten")
	}
	for i := 10_000 - rules.KeptClaims; i < 10_000; i++ {
		if n, ok := c.find(fmt.Sprint(i)); !ok || c.at(n).id != fmt.Sprint(i) {
			t.Errorf("claim %d is forgotten", i)
		}
	}
}

func TestLexicon(t *testing.T) {
	t.Parallel()
	l := newLexicon()
	if w := l.word("COMPLETED"); w != taskState(task.Completed) {
		t.Errorf("COMPLETED is %d", w)
	}
	if w := l.word("undo failure"); w != taskCause(task.ByUndoFailure) {
		t.Errorf("undo failure is %d", w)
	}
	w := l.word("something else")
	if l.word("something else") != w || l.snapshot()[w] != "something else" {
		t.Error("a new word is not kept")
	}
}

// TestHeldInOrder: holds that begin at places of older ones are found in the order in which they
// began.
func TestHeldInOrder(t *testing.T) {
	t.Parallel()
	var h held
	for _, place := range []uint32{h.add(1), h.add(2), h.add(3)} {
		h.remove(place)
	}
	for _, ordinal := range []uint32{7, 5, 9, 6} {
		h.add(ordinal)
	}
	if found := h.which(func(ordinal uint32) bool { return ordinal != 9 }, []uint32{1}); !slices.Equal(found, []uint32{1, 7, 5, 6}) {
		t.Errorf("found %v", found)
	}
}

// TestMoments: a step whose clock was read before that of another step does not go back behind it,
// and one after the clock was set back does, however little that was.
func TestMoments(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1000)
	p := &rollout{clock: &clock{read: func() time.Time { return now }}}
	want := func(got rules.Moment, at time.Time) {
		t.Helper()
		if got.Now != stamp(at.UnixNano()) {
			t.Errorf("the step is at %v, want %v", got.Now.Time(), at)
		}
	}
	read, steps := p.clock.now(), p.steps.Load()
	now = now.Add(time.Hour)
	want(p.moment(), now)
	want(p.momentOf(read, steps), now)
	now = now.Add(-time.Millisecond)
	want(p.moment(), now)
	want(p.momentOf(p.clock.now(), p.steps.Load()), now)
}
