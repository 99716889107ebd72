// Package wheel is a hierarchical timing wheel as a plain data structure: it
// stores values under a due tick and gives them back when told what time it is.
//
// It holds no clock, no goroutine and no lock. The owner turns time into ticks,
// calls [Wheel.Advance] when [Wheel.Next] says so, and serialises all calls.
//
// The scheme is that of Varghese and Lauck, "Hashed and Hierarchical Timing
// Wheels" (SOSP 1987), scheme 7: a fine wheel of 4096 slots and three coarse
// ones of 64 slots each. An entry waits in the coarse slot that covers its due
// tick and moves to finer ones as time approaches; the exact due tick is kept,
// so nothing is rounded.
//
// Laid out for millions of timers:
//
//   - Entries live in slabs without pointers and are named by index, so the
//     garbage collector has nothing to follow but the values themselves.
//   - A slot is a chain of 256-byte blocks of entry indexes, so draining it reads
//     memory in runs, not from link to link.
//   - An entry knows its place in its block. Cancel moves the last reference of
//     the slot into the hole: no tombstones, no sweep, memory follows what is live.
//   - A [Handle] is index and generation. The generation changes when the timer
//     fires or is cancelled, so that an old handle is harmless.
//
// Add and Cancel are O(1) and allocate only when the slab grows. The slab never
// shrinks.
//
// The package imports nothing of this module and must not know what its values
// are for.
package wheel
