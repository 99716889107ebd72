package feed

import "github.com/cutover-go/cutover/internal/signal"

// waiters are the streams that wait for something new. A stream that has work to do does not wait,
// so a change costs nothing for those that are busy.
type waiters map[signal.Flag]struct{}

// wake raises the flags of all that wait. They have to wait again.
func (w waiters) wake() {
	for f := range w {
		f.Raise()
		delete(w, f)
	}
}
