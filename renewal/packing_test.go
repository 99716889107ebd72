package renewal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// TestTaskStaysSmall checks that a task with one key fits the allocator's size class of 128 bytes,
// which is two cache lines. The next larger class costs 16 MB per million tasks.
func TestTaskStaysSmall(t *testing.T) {
	t.Parallel()
	if n := unsafe.Sizeof(Handle{}); n > 128 {
		t.Errorf("a Handle takes %d bytes, want at most 128", n)
	}
}

// TestOneKeyNeedsNoList checks that tasks with one key, or with a selector, share the terms of
// their policy, and that the keys of others are separate.
func TestOneKeyNeedsNoList(t *testing.T) {
	t.Parallel()
	s := newIdle(t, Config{})
	p := every(time.Second)
	a, b := register(t, s, Task{Keys: []string{"a"}, Policy: p}), register(t, s, Task{Keys: []string{"b"}, Policy: p})
	c, d := register(t, s, Task{Keys: []string{"c", "x"}, Policy: p}), register(t, s, Task{Keys: []string{"d", "y"}, Policy: p})
	if a.pol != b.pol || len(a.pol.rest) != 0 {
		t.Error("tasks with one key do not share their terms")
	}
	if c.pol == d.pol || c.pol.policy != d.pol.policy || c.pol.rest[0].name != "x" || d.pol.rest[0].name != "y" {
		t.Errorf("%v and %v, want separate lists of one policy", c.pol.rest, d.pol.rest)
	}
}

func TestHalfTick(t *testing.T) {
	t.Parallel()
	for _, now := range []uint64{1 << 31, 1<<32 - 1, 1 << 32, 1<<33 + 5, 1<<45 - 1} {
		for _, d := range []int64{0, 1, -1, 1000, -1000, lastRetry, -lastRetry} {
			if want := uint64(int64(now) + d); half(want).near(now) != want {
				t.Errorf("%d from %d: %d", want, now, half(want).near(now))
			}
		}
	}
}

// TestOutageLeavesTasksSmall checks that a task that has failed keeps its error, but needs no more
// memory than for that. Otherwise one outage would enlarge a million tasks for the
// rest of their lives.
func TestOutageLeavesTasksSmall(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		var handles []*Handle
		for i := range 30 {
			handles = append(handles, w.lease(t, fmt.Sprint(i), every(10*time.Second)))
		}
		w.at("main").fail(errDown)
		pass(15 * time.Second)
		w.at("main").fail(nil)
		pass(15 * time.Second)
		for _, h := range handles {
			if r := h.Result(); r.Failures == 0 || r.Err == nil || r.Renewals == 0 {
				t.Fatalf("%+v, want failed and then renewed", r)
			}
			if h.ext != nil {
				t.Fatal("a failure made the task larger")
			}
		}
	})
}

// instant is a node that renews every key at once.
type instant struct{ *fake }

func (i instant) Sole() backend.Node { return i }

func (instant) Name() string { return "instant" }

func (instant) Refresh(_ context.Context, _ time.Duration, reqs []backend.Request) {
	for i := range reqs {
		reqs[i].Answer = backend.Renewed
	}
}

// benchTasks is the number of tasks. Their memory exceeds the processor's caches by far.
const benchTasks = 500_000

// BenchmarkFire measures the processor time of a renewal without Redis and its client. Tasks fire
// in random order, with and without warm.
func BenchmarkFire(b *testing.B) {
	for name, prepare := range map[string]func([]*Handle){
		"cold": func([]*Handle) {},
		"warm": func(group []*Handle) { warm(group) },
	} {
		b.Run(name, func(b *testing.B) {
			s := onFake(Config{}, instant{newFake()})
			defer s.router.group.Close()
			p := &Policy{TTL: FixedTTL(MaxTTL), Interval: Every(time.Hour)}
			handles := make([]*Handle, benchTasks)
			for i := range handles {
				h, err := s.Register(Task{Keys: []string{fmt.Sprintf("lease:%07d", i)}, Policy: p})
				if err != nil {
					b.Fatal(err)
				}
				handles[i] = h
			}
			rand.Shuffle(len(handles), func(i, j int) { handles[i], handles[j] = handles[j], handles[i] })
			runtime.GC()
			now, began := 2*time.Hour, processorTime(b)
			for b.Loop() {
				fireAll(s, handles, now, prepare)
				now += time.Hour
			}
			b.ReportMetric(float64(processorTime(b)-began)/float64(b.N)/benchTasks, "cpu-ns/renewal")
		})
	}
}

// fireAll fires all tasks as the clock does, and waits until all have been renewed.
func fireAll(s *Service, handles []*Handle, now time.Duration, prepare func([]*Handle)) {
	before := s.Stats().Renewed
	for lot := range slices.Chunk(handles, perLock) {
		for group := range slices.Chunk(lot, warmTogether) {
			prepare(group)
			for _, h := range group {
				s.fire(h, now)
			}
		}
		s.router.kick()
	}
	for s.Stats().Renewed < before+int64(len(handles)) {
		time.Sleep(100 * time.Microsecond)
	}
}

// processorTime returns the processor time that this process has used, in ns.
func processorTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
