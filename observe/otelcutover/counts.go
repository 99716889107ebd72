package otelcutover

import (
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/cutover-go/cutover/task"
)

// How many values attributes of metrics have. The SDK folds what is beyond 2,000 sets of attributes
// of an instrument into one point; this stays well below.
const (
	maxTypes      = 32
	maxCodes      = 64
	maxOperations = 64
	maxSets       = 1000 // of types, operations, outcomes and codes together
)

// bounded passes on the first values that it gets, and replaces the others. Its zero value passes
// on nothing.
type bounded struct {
	most int

	mu     sync.RWMutex
	passed map[string]bool
}

func (b *bounded) value(v string) string {
	v = short(v)
	b.mu.RLock()
	known := b.passed[v]
	b.mu.RUnlock()
	if known {
		return v
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.passed) >= b.most && !b.passed[v] {
		return other
	}
	if b.passed == nil {
		b.passed = make(map[string]bool)
	}
	b.passed[v] = true
	return v
}

// countKey are the attributes by which executions are counted; the code is empty if nothing failed.
type countKey struct{ executor, operation, outcome, code string }

// count counts the executions with the same attributes.
type count struct {
	key     countKey
	n       atomic.Int64
	observe metric.ObserveOption
	record  []metric.RecordOption // for the histogram, which has an outcome unless it is COMPLETED
}

func newCount(key countKey) *count {
	set := []attribute.KeyValue{text(keyType, key.executor), keyOperation.String(key.operation), keyOutcome.String(key.outcome)}
	if key.code != "" {
		set = append(set, keyError.String(key.code))
	}
	c := &count{key: key, observe: metric.WithAttributeSet(attribute.NewSet(set...))}
	if key.outcome != task.Completed.String() {
		c.record = []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(keyOutcome.String(key.outcome)))}
	}
	return c
}

// counts counts executions by a bounded number of attributes.
type counts struct {
	most         int
	types, codes bounded
	// last is the count that was asked for last; most executions end as the one before.
	last atomic.Pointer[count]

	mu  sync.RWMutex
	all map[countKey]*count
}

// of returns the count of executions with the given attributes, or of others.
func (c *counts) of(key countKey) *count {
	if last := c.last.Load(); last != nil && last.key == key {
		return last
	}
	if key.executor = c.types.value(key.executor); key.code != "" {
		key.code = c.codes.value(key.code)
	}
	c.mu.RLock()
	found := c.all[key]
	c.mu.RUnlock()
	if found == nil {
		found = c.add(key)
	}
	c.last.Store(found)
	return found
}

func (c *counts) add(key countKey) *count {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[key] == nil && len(c.all) >= c.most {
		if key.executor = other; key.code != "" {
			key.code = other
		}
	}
	found := c.all[key]
	if found == nil {
		if c.all == nil {
			c.all = make(map[countKey]*count)
		}
		found = newCount(key)
		c.all[key] = found
	}
	return found
}

// each calls f with every count.
func (c *counts) each(f func(*count)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, found := range c.all {
		f(found)
	}
}
