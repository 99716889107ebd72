package feed

// maxKept is how many bytes of encoded events a feed keeps: some 15,000 events.
const maxKept = 4 << 20

// log has the newest events of a plan, encoded, without gaps. Events that were taken from it stay
// valid: it never writes over them.
type log struct {
	events [][]byte
	last   int64 // the number of the newest event, which need not be kept
	bytes  int
}

// first returns the number of the oldest event that is kept.
func (l *log) first() int64 { return l.last - int64(len(l.events)) + 1 }

// add adds the event that follows the newest one. If they become too many, the older half goes.
func (l *log) add(event []byte) {
	l.events = append(l.events, event)
	l.last++
	if l.bytes += len(event); l.bytes <= maxKept {
		return
	}
	l.events = append([][]byte(nil), l.events[(len(l.events)+1)/2:]...)
	l.bytes = 0
	for _, e := range l.events {
		l.bytes += len(e)
	}
}

// after returns the events after a number, at most limit. It reports whether it has all of them:
// if not, they have to be read from the store.
func (l *log) after(seq int64, limit int) (events [][]byte, kept bool) {
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
