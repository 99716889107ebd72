package strategy

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Quota bounds how many tasks of tenants with the same value of a label are in flight at once, over
// all plans that have a quota of the label: for instance five tenants of each database shard. Each
// plan keeps its own Max: it begins a task only while fewer than Max tasks of that value, its own
// and those of others, are in flight. Tenants without the label are not bound, nor are plans
// without such a quota.
//
// A pending task that waits for its place takes no slot, and others begin before it. A task has its
// place while it is in flight: also in backoff, hold and proof, and in an undo, but not while it is
// paused or failed. One that goes on after that waits for a place in its slot.
type Quota struct {
	// Label is the label of the tenants, at most [MaxQuotaLabel] bytes.
	Label string
	// Max is how many tasks with one value of the label may be in flight, from 1 to
	// [MaxQuotaPlaces].
	Max int
}

// Limits of quotas.
const (
	// MaxQuotas is the maximum number of quotas of a strategy.
	MaxQuotas = 8
	// MaxQuotaPlaces is the largest Max of a [Quota].
	MaxQuotaPlaces = 1000
	// MaxQuotaLabel is the maximum length in bytes of a quota's label.
	MaxQuotaLabel = 128
)

// quotaFaults returns what is wrong with quotas.
func quotaFaults(quotas []Quota) []Fault {
	var faults []Fault
	if n := len(quotas); n > MaxQuotas {
		return []Fault{{"Quotas", fmt.Sprintf("has %d quotas, the limit is %d", n, MaxQuotas)}}
	}
	first := make(map[string]int, len(quotas))
	for i, q := range quotas {
		add := func(field, problem string) {
			faults = append(faults, Fault{fmt.Sprintf("Quotas[%d].%s", i, field), problem})
		}
		other, twice := first[q.Label]
		switch {
		case q.Label == "":
			add("Label", "is empty")
		case len(q.Label) > MaxQuotaLabel:
			add("Label", fmt.Sprintf("is %d bytes, the limit is %d", len(q.Label), MaxQuotaLabel))
		case !utf8.ValidString(q.Label):
			add("Label", "is not UTF-8")
		case twice:
			add("Label", fmt.Sprintf("%q is already that of Quotas[%d]", q.Label, other))
		default:
			first[q.Label] = i
		}
		if q.Max < 1 || q.Max > MaxQuotaPlaces {
			add("Max", strconv.Itoa(q.Max)+" is not from 1 to "+strconv.Itoa(MaxQuotaPlaces))
		}
	}
	return faults
}
