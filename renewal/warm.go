package renewal

// warmTogether is the number of tasks that are brought into the cache together.
const warmTogether = 32

// warm reads what is about to be used of each task, first fields and last, its key and the
// text of that. Of a million tasks hardly one is in the cache; these reads, unlike the
// locked ones of fire, wait for memory side by side.
//
//go:noinline
func warm(group []*Handle) (sum int) {
	for _, h := range group {
		if len(h.keys) > 0 && h.pol != nil {
			sum += int(h.keys[0].name[0])
		}
	}
	return sum
}
