package byid

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

type named string

func (n *named) ID() string { return string(*n) }

func value(id string) *named { return (*named)(&id) }

// check compares a set with the map that it should equal, and checks its invariants.
func check(t *testing.T, s *Set[*named], want map[string]*named) {
	t.Helper()
	if s.Len() != len(want) {
		t.Fatalf("%d values, want %d", s.Len(), len(want))
	}
	for id, v := range want {
		if got, ok := s.Get(id); !ok || got != v {
			t.Fatalf("Get(%q): %p, %v, want %p", id, got, ok, v)
		}
	}
	seen := 0
	for v := range s.All() {
		if want[v.ID()] != v {
			t.Fatalf("All yields %q, which was removed", v.ID())
		}
		seen++
	}
	if seen != len(want) {
		t.Fatalf("All yields %d values, want %d", seen, len(want))
	}
	for i := range s.tables {
		tb := &s.tables[i]
		full := 0
		for at, tag := range tb.tags {
			if empty := tb.slots[at] == nil; empty != (tag == 0) {
				t.Fatalf("slot %d of table %d: tag %d, empty %v", at, i, tag, empty)
			}
			if tag != 0 {
				full++
			}
		}
		if full != tb.n || 8*full > 7*len(tb.slots) {
			t.Fatalf("table %d: %d of %d slots full, %d counted", i, full, len(tb.slots), tb.n)
		}
	}
}

// TestAgainstAMap makes random additions and removals of few ids, so that most of them meet values
// that are there already, and of many, so that tables grow.
func TestAgainstAMap(t *testing.T) {
	t.Parallel()
	for _, ids := range []int{3, 100, 5000, 40000} {
		t.Run(fmt.Sprint(ids), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			defer func() {
				if t.Failed() {
					t.Logf("seed %d", seed)
				}
			}()
			r := rand.New(rand.NewPCG(seed, 0))
			s, want := New[*named](), make(map[string]*named)
			for i := range 4 * ids {
				id := fmt.Sprint("id", r.IntN(ids))
				_, known := want[id]
				if r.IntN(3) > 0 {
					v := value(id)
					if added := s.Add(v); added == known {
						t.Fatalf("Add(%q) reports %v", id, added)
					}
					if !known {
						want[id] = v
					}
				} else {
					if removed := s.Remove(id); removed != known {
						t.Fatalf("Remove(%q) reports %v", id, removed)
					}
					delete(want, id)
				}
				if i%(1+ids/2) == 0 {
					check(t, s, want)
				}
			}
			check(t, s, want)
			for id := range want {
				s.Remove(id)
			}
			check(t, s, nil)
		})
	}
}

// TestOneTable checks searches that begin at the last slots and go on at the first: all values are
// in one table, and every removal leaves the others where a search finds them.
func TestOneTable(t *testing.T) {
	t.Parallel()
	s, want := New[*named](), make(map[string]*named)
	for i := 0; len(want) < 300; i++ {
		if v := value(fmt.Sprint(i)); s.hash(v.ID())>>56 == 7 {
			s.Add(v)
			want[v.ID()] = v
		}
	}
	check(t, s, want)
	for id := range want {
		s.Remove(id)
		delete(want, id)
		check(t, s, want)
	}
}

func TestEmptySet(t *testing.T) {
	t.Parallel()
	s := New[*named]()
	if _, ok := s.Get("x"); ok || s.Remove("x") || s.Len() != 0 {
		t.Error("an empty set has a value")
	}
	s.Add(value(""))
	if v, ok := s.Get(""); !ok || v.ID() != "" {
		t.Error("the empty id is not found")
	}
}

// TestAllStops checks that the iteration ends when its caller has seen enough.
func TestAllStops(t *testing.T) {
	t.Parallel()
	s := New[*named]()
	for i := range 100 {
		s.Add(value(fmt.Sprint(i)))
	}
	n := 0
	for range s.All() {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d values", n)
	}
}

// TestRemovedValuesAreFreed checks that no slot keeps a value that was removed.
func TestRemovedValuesAreFreed(t *testing.T) {
	t.Parallel()
	s := New[*named]()
	freed := make(chan string, 1)
	func() {
		v := value(fmt.Sprint("freed", 1))
		runtime.AddCleanup(v, func(id string) { freed <- id }, v.ID())
		s.Add(v)
	}()
	s.Remove("freed1")
	for range 100 {
		runtime.GC()
		select {
		case <-freed:
			runtime.KeepAlive(s)
			return
		default:
			runtime.Gosched()
		}
	}
	t.Error("the set keeps a value that was removed")
}
