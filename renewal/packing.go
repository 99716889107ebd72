package renewal

// halfTick is the low half of a tick of the clock: of a million keys it saves 16 MB, for a
// key with full ticks no longer fits into 32 bytes; see TestTaskStaysSmall. It can be told
// apart from all ticks that lie less than 2^31 ticks away: 24 days even with ticks of a
// millisecond, and a retry lies at most an interval ahead.
type halfTick uint32

// half returns the low half of a tick.
func half(tick uint64) halfTick { return halfTick(tick) }

// near returns the full tick, which must lie less than 2^31 ticks before or after now.
func (t halfTick) near(now uint64) uint64 {
	return uint64(int64(now) + int64(int32(uint32(t)-uint32(now))))
}
