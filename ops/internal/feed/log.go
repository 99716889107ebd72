package feed

import (
	"encoding/json"

	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
)

// maxKept is how many bytes of encoded events a feed keeps: some 15,000 events.
const maxKept = 4 << 20

// Event is an encoded event.
type Event struct {
	Text []byte
	// Other is set if the event names another plan, which a caller need not be allowed to view.
	Other *Other
}

// Other is the other plan that an event names, and the event without its name.
type Other struct {
	Plan plan.ID
	Text []byte
}

// size returns how many bytes an event has.
func (e Event) size() int {
	if e.Other == nil {
		return len(e.Text)
	}
	return len(e.Text) + len(e.Other.Text)
}

// encode encodes an event.
func encode(e *plan.Event) Event {
	encoded := Event{Text: encodeText(e)}
	if holder := e.Failure.Holder(); holder != 0 {
		discreet := *e
		discreet.Failure = e.Failure.WithoutHolder()
		encoded.Other = &Other{holder.Plan(), encodeText(&discreet)}
	}
	return encoded
}

func encodeText(e *plan.Event) []byte {
	text, err := json.Marshal(wire.EventOf(e))
	if err != nil { // cannot be: it has texts and numbers
		return []byte("null")
	}
	return text
}

// log has the newest events of a plan, encoded, without gaps. Events that were taken from it stay
// valid: it never writes over them.
type log struct {
	events []Event
	last   int64 // the number of the newest event, which need not be kept
	bytes  int
}

// first returns the number of the oldest event that is kept.
func (l *log) first() int64 { return l.last - int64(len(l.events)) + 1 }

// add adds the event that follows the newest one. If they become too many, the older half goes.
func (l *log) add(event Event) {
	l.events = append(l.events, event)
	l.last++
	if l.bytes += event.size(); l.bytes <= maxKept {
		return
	}
	l.events = append([]Event(nil), l.events[(len(l.events)+1)/2:]...)
	l.bytes = 0
	for _, e := range l.events {
		l.bytes += e.size()
	}
}

// after returns the events after a number, at most limit. It reports whether it has all of them:
// if not, they have to be read from the store.
func (l *log) after(seq int64, limit int) (events []Event, kept bool) {
	first := l.first()
	if seq+1 < first {
		return nil, false
	}
	if seq >= l.last {
		return nil, true
	}
	from := int(seq + 1 - first)
	return l.events[from:min(len(l.events), from+limit)], true
}
