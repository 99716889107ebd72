package renewal

// This file contains the optimisations for a million tasks; packing_test.go measures what they
// save.

// halfTick is the low half of a tick of the clock. With full ticks a Handle, which contains
// a key, would not fit into 128 bytes, and a million tasks would take 16 MB more; see
// TestTaskStaysSmall. It
// distinguishes all ticks that lie less than 2^31 ticks from the present one: 24 days even
// with ticks of a millisecond. A retry is at most one interval and at most lastRetry ticks
// ahead.
type halfTick uint32

// lastRetry is the farthest tick, counted from the present one, that a halfTick can hold.
const lastRetry = 1<<31 - 1

// half returns the low half of a tick.
func half(tick uint64) halfTick { return halfTick(tick) }

// near returns the full tick, which must lie less than 2^31 ticks before or after now.
func (t halfTick) near(now uint64) uint64 {
	return uint64(int64(now) + int64(int32(uint32(t)-uint32(now))))
}

// warmTogether is the number of tasks that are brought into the cache together.
const warmTogether = 32

// warm reads the fields of each task that fire is about to use. Of a million tasks hardly one is in
// the cache. The processor overlaps these reads, which the locks in fire would prevent; the overlap
// saves a quarter of the cost of a renewal (see BenchmarkFire). The sum has no meaning; warm
// returns it so that the compiler does not drop the reads.
//
//go:noinline
func warm[T interface{ touch() int }](group []T) (sum int) {
	for _, v := range group {
		sum += v.touch()
	}
	return sum
}
