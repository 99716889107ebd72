package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// none is the wave of a tenant that no wave has selected.
const none = -1

// bySize returns the waves of n tenants, none of which a wave selects by its id or its labels.
func (s Spec) bySize(waves []strategy.Wave, n int, e *InvalidError) []Wave {
	ends, next := make([]Wave, len(waves)), 0
	for w, wave := range waves {
		switch left := n - next; {
		case wave.Size.Kind == strategy.AmountUnset && left == 0:
			e.add(waveField(w), "takes the rest, and no tenant is left")
		case wave.Size.Kind == strategy.AmountUnset:
			next = n
		default:
			want := sizeOf(wave, n)
			if left < want {
				e.add(waveField(w)+".Size", "%s are %d tenants, %d are left for it", wave.Size, want, left)
			}
			next += min(want, left)
		}
		ends[w].Last = next
	}
	switch {
	case next == n:
	case s.TenantSeq != nil:
		e.add("Strategy.Waves", "leave out %d tenants, the first is TenantSeq[%d]", n-next, next)
	default:
		e.add("Strategy.Waves", "leave out %d tenants, the first is Tenants[%d] %.140q", n-next, next, s.Tenants[next].ID)
	}
	return ends
}

// sizeOf returns how many of the n tenants of a plan a wave with a size asks for.
func sizeOf(wave strategy.Wave, n int) int {
	if wave.Size.Kind == strategy.AmountPercent {
		return wave.Size.AtLeastOne(n)
	}
	return wave.Size.N
}

// selected returns the wave, by its index, of each tenant that a wave selects by its id or its
// labels.
func (s Spec) selected(waves []strategy.Wave, e *InvalidError) []int {
	of := make([]int, len(s.Tenants))
	named, labels := s.named(waves, e), indexed(waves)
	matched := make([]bool, len(waves))
	for i := range s.Tenants {
		t := &s.Tenants[i]
		of[i] = none
		if w, ok := named[t.ID]; ok {
			of[i] = w
		}
		for _, w := range labels.of(t) {
			matched[w] = true
			if of[i] != none {
				e.add(tenantField(i), "tenant %.140q is in Waves[%d] and in Waves[%d]", t.ID, of[i], w)
				continue
			}
			of[i] = w
		}
	}
	for w := range waves {
		if len(waves[w].Labels) > 0 && !matched[w] {
			e.add(waveField(w)+".Labels", "no tenant has %.140q", written(waves[w].Labels))
		}
	}
	return of
}

// named returns the wave, by its index, of each tenant that a wave names.
func (s Spec) named(waves []strategy.Wave, e *InvalidError) map[string]int {
	named := make(map[string]int)
	for w := range waves {
		for _, id := range waves[w].Tenants {
			if first, twice := named[id]; twice {
				e.add(waveField(w)+".Tenants", "tenant %.140q is already in Waves[%d]", id, first)
				continue
			}
			named[id] = w
		}
	}
	if len(named) == 0 {
		return nil
	}
	known := make(map[string]struct{}, len(s.Tenants))
	for i := range s.Tenants {
		known[s.Tenants[i].ID] = struct{}{}
	}
	for w := range waves {
		for _, id := range waves[w].Tenants {
			if _, is := known[id]; !is {
				e.add(waveField(w)+".Tenants", "tenant %.140q is not one of the plan", id)
			}
		}
	}
	return named
}

// label is one label with its value.
type label struct{ key, value string }

// labelIndex finds the waves that select a tenant by its labels, without a look at every wave for
// every tenant: there may be a thousand of the ones and a million of the others.
type labelIndex struct {
	waves []strategy.Wave
	// by has each wave under one of its labels: the one that the fewest waves have.
	by map[label][]int
}

func indexed(waves []strategy.Wave) labelIndex {
	uses := make(map[label]int)
	for _, w := range waves {
		for k, v := range w.Labels {
			uses[label{k, v}]++
		}
	}
	x := labelIndex{waves: waves, by: make(map[label][]int)}
	for i, w := range waves {
		if len(w.Labels) == 0 {
			continue
		}
		var rarest label
		for k, v := range w.Labels {
			if l := (label{k, v}); uses[rarest] == 0 || uses[l] < uses[rarest] {
				rarest = l
			}
		}
		x.by[rarest] = append(x.by[rarest], i)
	}
	return x
}

// of returns the waves, by their indexes in ascending order, that select a tenant by its labels.
func (x *labelIndex) of(t *task.Tenant) (found []int) {
	if len(x.by) == 0 {
		return nil
	}
	for k, v := range t.Labels {
		for _, w := range x.by[label{k, v}] {
			if labelled(t, x.waves[w].Labels) {
				found = append(found, w)
			}
		}
	}
	slices.Sort(found)
	return found
}

// written returns labels as text, in the order of their keys: "ring=canary, tier=free".
func written(labels map[string]string) string {
	list := make([]string, 0, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, k+"="+labels[k])
	}
	return strings.Join(list, ", ")
}

// labelled reports whether the tenant has all of the labels.
func labelled(t *task.Tenant, labels map[string]string) bool {
	for k, v := range labels {
		if has, ok := t.Labels[k]; !ok || has != v {
			return false
		}
	}
	return true
}

// fill gives the tenants that are left to the waves with a size, and to the last one.
func (s Spec) fill(waves []strategy.Wave, of []int, e *InvalidError) {
	next := 0 // tenants before it have a wave
	take := func(w, most int) (taken int) {
		for ; next < len(of) && taken < most; next++ {
			if of[next] == none {
				of[next] = w
				taken++
			}
		}
		return taken
	}
	for w, wave := range waves {
		switch {
		case wave.Selects():
		case wave.Size.Kind != strategy.AmountUnset:
			want := sizeOf(wave, len(s.Tenants))
			if got := take(w, want); got < want {
				e.add(waveField(w)+".Size", "%s are %d tenants, %d are left for it", wave.Size, want, got)
			}
		case take(w, len(of)) == 0:
			e.add(waveField(w), "takes the rest, and no tenant is left")
		}
	}
	var left []int
	for i := next; i < len(of); i++ {
		if of[i] == none {
			left = append(left, i)
		}
	}
	if len(left) > 0 {
		e.add("Strategy.Waves", "leave out %d tenants, the first is Tenants[%d] %.140q", len(left), left[0], s.Tenants[left[0]].ID)
	}
}

func waveField(i int) string { return fmt.Sprintf("Strategy.Waves[%d]", i) }
