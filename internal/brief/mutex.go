// Package brief has a lock for sections of code that take less than a microsecond, and that many
// goroutines enter often.
package brief

import "sync"

// Mutex is a sync.Mutex whose Lock tries for some microseconds before it parks the goroutine.
//
// A sync.Mutex parks at once if other goroutines of the processor can run, which is always so if
// there are more workers than processors. To park a goroutine and to wake it takes longer than such
// a section. And when one has waited for a millisecond, the lock is passed from each goroutine to
// the next, which has to be woken first.
type Mutex struct{ mu sync.Mutex }

// Turns of an empty loop, a third of a nanosecond each. The pause between two tries doubles from
// shortest to longest: each try takes the lock's cache line from the processor that has the lock,
// and whoever has it works fastest when it gets it again, because the data is in its cache.
const (
	shortest = 64
	longest  = 4096
	most     = 16_000 // before Lock parks
)

// Lock locks m.
func (m *Mutex) Lock() {
	for pause, turns := shortest, 0; turns < most; pause = min(2*pause, longest) {
		if m.mu.TryLock() {
			return
		}
		for range pause {
		}
		turns += pause
	}
	m.mu.Lock()
}

// Unlock unlocks m.
func (m *Mutex) Unlock() { m.mu.Unlock() }
