package plan

import (
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"math/bits"
	"slices"

	"github.com/cutover-go/cutover/task"
)

// ErrSequenceChanged is matched by every *SequenceError.
var ErrSequenceChanged = errors.New("plan: the sequence of tenants has changed")

// SequenceError says that a [Spec.TenantSeq] yielded something else when it was ranged over again.
// It matches [ErrSequenceChanged].
type SequenceError struct {
	// Count is how many tenants the sequence yielded at first.
	Count int
	// Same is a number of tenants, from the first one on, that were the same again. The difference
	// is among the next [MaxPage] tenants, or behind the last one.
	Same int
}

func (e *SequenceError) Error() string {
	if e.Same == e.Count {
		return fmt.Sprintf("%v: it yields more than the %d tenants of before", ErrSequenceChanged, e.Count)
	}
	return fmt.Sprintf("%v: of %d tenants, those after the first %d are not the same, or not there, when it is ranged over again",
		ErrSequenceChanged, e.Count, e.Same)
}

// Is reports whether target is [ErrSequenceChanged].
func (e *SequenceError) Is(target error) bool { return target == ErrSequenceChanged }

// sequence is what the first look at a [Spec.TenantSeq] has kept of it: for each page a digest, so
// that the second look notices a difference before anything of the page is used.
type sequence struct {
	tenants iter.Seq[task.Tenant]
	seed    maphash.Seed
	count   int
	parts   []part
}

// part is a page of a sequence: how many tenants it has, and their digest.
type part struct {
	n   int
	sum uint64
}

// sequence looks at a sequence for the first time. It adds the faults of its tenants to e, and
// calls look for each of the tenants.
func (e *InvalidError) sequence(tenants iter.Seq[task.Tenant], look func(*task.Tenant)) *sequence {
	s := &sequence{tenants: tenants, seed: maphash.MakeSeed()}
	var ids hashes
	var p part
	var size pageSize
	var t task.Tenant // one for all, since look takes its address
	for t = range tenants {
		if s.count == task.MaxPerPlan {
			e.add("TenantSeq", "yields more than %d tenants, the limit", task.MaxPerPlan)
			return s
		}
		valid := plain(&t)
		if e.tenant("TenantSeq", s.count, &t, valid); valid {
			ids.add(maphash.String(s.seed, t.ID))
		}
		look(&t)
		if !size.fits(&t) {
			s.parts, p = append(s.parts, p), part{}
		}
		p = part{n: p.n + 1, sum: s.with(p.sum, &t)}
		s.count++
	}
	if s.count == 0 {
		e.add("TenantSeq", "yields no tenant")
	}
	s.parts = append(s.parts, p)
	e.twins(s, ids.twice())
	return s
}

// hashes are those of the ids of tenants, 8 bytes each, by their first byte: parts that fit into a
// cache are sorted in half the time.
type hashes [256][]uint64

func (h *hashes) add(hash uint64) { h[hash>>56] = append(h[hash>>56], hash) }

// twice returns the hashes that were added more than once.
func (h *hashes) twice() map[uint64]struct{} {
	found := make(map[uint64]struct{})
	for _, part := range h {
		slices.Sort(part)
		for i := range part {
			if i > 0 && part[i] == part[i-1] {
				found[part[i]] = struct{}{}
			}
		}
	}
	return found
}

// twins adds a fault for each tenant that a sequence yields again, given the hashes of the ids that
// it may be about. Only if there are any, it looks at the sequence once more, to compare the ids.
func (e *InvalidError) twins(s *sequence, suspects map[uint64]struct{}) {
	if len(suspects) == 0 {
		return
	}
	i, first := 0, make(map[string]int)
	for page, err := range s.pages {
		if err != nil {
			e.add("TenantSeq", "%v", err)
			return
		}
		for _, t := range page {
			if _, is := suspects[maphash.String(s.seed, t.ID)]; is {
				if at, twice := first[t.ID]; twice {
					e.add(placeField("TenantSeq", i), "tenant %.140q is already TenantSeq[%d]", t.ID, at)
				} else {
					first[t.ID] = i
				}
			}
			i++
		}
	}
}

// pages yields the tenants in pages, each when it was compared with what the first look has seen.
func (s *sequence) pages(yield func([]task.Tenant, error) bool) {
	var page []task.Tenant
	parts, sum, done := s.parts, uint64(0), 0
	changed := func() { yield(nil, &SequenceError{Count: s.count, Same: done}) }
	for t := range s.tenants {
		if len(parts) == 0 {
			changed()
			return
		}
		if page == nil {
			page = make([]task.Tenant, 0, parts[0].n)
		}
		page, sum = append(page, t), s.with(sum, &t)
		if len(page) < parts[0].n {
			continue
		}
		if sum != parts[0].sum {
			changed()
			return
		}
		done += len(page)
		if !yield(page, nil) {
			return
		}
		page, sum, parts = nil, 0, parts[1:]
	}
	if done < s.count {
		changed()
	}
}

// with returns the digest of tenants that had the digest sum, and t.
func (s *sequence) with(sum uint64, t *task.Tenant) uint64 {
	const odd = 0x9e3779b97f4a7c15
	h := maphash.String(s.seed, t.ID)
	if len(t.Labels)+len(t.Parameters) > 0 {
		h += odd * (s.dict(t.Labels) + odd*s.dict(t.Parameters))
	}
	return (sum+1)*odd + h
}

// dict returns a digest of a map, in whatever order it is ranged over.
func (s *sequence) dict(m map[string]string) (sum uint64) {
	for k, v := range m {
		pair := bits.RotateLeft64(maphash.String(s.seed, k), 1) ^ maphash.String(s.seed, v)
		sum += maphash.Comparable(s.seed, pair)
	}
	return sum
}
