// Package wheel is a hierarchical timing wheel as a plain data structure. It stores each value with
// a due tick and returns the value when that tick has come.
//
// It holds no clock, no goroutine and no lock. The owner turns time into ticks, calls
// [Wheel.Advance] when [Wheel.Next] says so, and serialises all calls.
//
// The scheme is that of Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (SOSP
// 1987), scheme 7: a fine level of 4096 slots and three coarse ones of 64 slots each.
//
// # State model of a timer
//
//	Add -> coarse slot -> finer slot -> ... -> fine slot -> returned by Advance
//	           |              |                    |
//	           +--------------+---- Cancel --------+---> removed
//
// A timer waits on the finest level that reaches to its due tick, in the slot that covers that
// tick. It moves to a finer level when the wheel reaches the slot. The wheel stores the exact due
// tick, so it rounds nothing.
//
// # Invariants
//
//	Now            every timer with due <= Now has been returned, except those that an Advance
//	               that reported "more" left in the slot of Now
//	fine level     0 < due - Now < 4096; the slot of Now itself may hold such leftovers
//	coarse level l 1 <= due>>shift(l) - Now>>shift(l) < 64, except that a timer beyond this range
//	               waits in the farthest slot of the coarsest level; so no slot mixes two turns
//	bitmaps        a bit is set exactly if its slot holds a timer
//	entry          its place names the only reference to it, in a block of the slot that it is in
//	handle         names a live timer exactly if its generation is that of the entry
//
// # Unusual input
//
//	a due tick that has passed            counts as the next tick
//	a due tick beyond the Horizon         counts as the horizon
//	an Advance to a tick before Now       changes nothing
//	the handle of a timer that has fired, the zero Handle
//	                                      Cancel reports false, because the generations differ
//	a million timers in one slot          Advance returns as many as the caller has room for,
//	                                      moves at most four times as many, and reports "more"
//	no timers                             Next reports false, so the owner need not wake
//
// # Layout, for millions of timers
//
//   - Entries live in slabs without pointers and are named by index, so the garbage
//     collector follows no pointers except those in the values.
//   - A slot is a chain of 256-byte blocks of entry indexes, so draining a slot reads
//     consecutive memory instead of following a link per timer.
//   - An entry stores its place in its block. Cancel fills the hole with the last reference of
//     the slot, so a canceled timer leaves no tombstone and needs no sweep.
//   - A [Handle] is an index and a generation. The generation changes when the timer fires or is
//     canceled, so an old handle has no effect.
//
// Add and Cancel are O(1) and allocate only when the slab grows. The slab never shrinks.
//
// The package imports nothing of this module and must not know the purpose of its values.
package wheel
