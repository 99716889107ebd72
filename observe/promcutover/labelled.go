package promcutover

import (
	"sync"
	"sync/atomic"

	"github.com/cutover-go/cutover/task"
)

// labelled counts by a label whose values others choose. It keeps few of them: what executors call
// their failures must not fill the memory of a Prometheus.
type labelled struct {
	most int

	mu     sync.RWMutex
	counts map[string]*atomic.Uint64
}

// other is the value of the label for what has no series of its own.
const other = "other"

func newLabelled(most int) *labelled {
	return &labelled{most: most, counts: make(map[string]*atomic.Uint64)}
}

func (l *labelled) add(value string) {
	value = labelValue(value)
	l.mu.RLock()
	n := l.counts[value]
	l.mu.RUnlock()
	if n == nil {
		n = l.admit(value)
	}
	n.Add(1)
}

// admit returns the counter of a value that may have none yet.
func (l *labelled) admit(value string) *atomic.Uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.counts) >= l.most && l.counts[value] == nil {
		value = other
	}
	if l.counts[value] == nil {
		l.counts[value] = new(atomic.Uint64)
	}
	return l.counts[value]
}

// each calls f for each value.
func (l *labelled) each(f func(value string, n uint64)) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for value, n := range l.counts {
		f(value, n.Load())
	}
}

// labelValue returns a text as Prometheus accepts it: one invalid byte would turn the whole answer
// of the host's metrics into an error.
func labelValue(s string) string {
	if s == "" {
		return "none"
	}
	return task.Cut(s, maxName)
}
