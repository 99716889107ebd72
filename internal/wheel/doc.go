// Package wheel is a hierarchical timing wheel as a plain data structure: it stores values
// under a due tick and returns them when their tick has come.
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
// A timer waits in the slot that covers its due tick on the finest level that reaches so far,
// and moves to a finer level when the wheel comes to that slot. Its exact due tick is kept, so
// nothing is rounded.
//
// # Invariants
//
//	Now            every timer with due <= Now has been returned, but for what an Advance
//	               that reported "more" left in the slot of Now
//	fine level     0 < due - Now < 4096; at Now itself what is left of that slot
//	coarse level l 1 <= due>>shift(l) - Now>>shift(l) < 64, or the farthest slot of the
//	               coarsest level, for what lies beyond; so no slot mixes two turns
//	bitmaps        a bit is set exactly if its slot holds a timer
//	entry          its place is the one reference to it, and the slot of that block is its slot
//	handle         names a live timer exactly if its generation is that of the entry
//
// # Unusual input
//
//	a due tick that has passed            counts as the next tick
//	a due tick beyond the Horizon         counts as the horizon
//	a Now that lies behind the wheel      changes nothing
//	the handle of a timer that has fired, the zero Handle
//	                                      Cancel reports false: generations differ
//	a million timers in one slot          Advance returns as many as the caller has room for,
//	                                      moves at most four times as many, and reports "more"
//	no timers                             Next reports false: the owner need not wake
//
// # Layout, for millions of timers
//
//   - Entries live in slabs without pointers and are named by index, so the garbage
//     collector has nothing to follow but the values themselves.
//   - A slot is a chain of 256-byte blocks of entry indexes, so draining it reads memory in
//     runs, not from link to link.
//   - An entry knows its place in its block. Cancel moves the last reference of the slot into
//     the hole: no tombstones, no sweep, memory follows what is live.
//   - A [Handle] is index and generation. The generation changes when the timer fires or is
//     canceled, so that an old handle is harmless.
//
// Add and Cancel are O(1) and allocate only when the slab grows. The slab never shrinks.
//
// The package imports nothing of this module and must not know what its values are for.
package wheel
