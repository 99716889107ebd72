package renewal

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"
)

// meter adds up outcomes and events for Stats, the hooks and the log.
type meter struct {
	// Immutable after construction.
	hooks Hooks
	log   *zap.Logger

	dropped    atomic.Int64 // callbacks left out
	userErrors atomic.Int64
	steps      atomic.Int64 // of the wall clock

	mu         sync.Mutex
	total      Batch
	pending    map[batchKey]*Batch // for OnBatch
	lags       map[string]Lag      // by node: the present state, for OnLag
	lagging    map[string]bool     // the nodes that are behind
	reported   map[string]bool     // by node: the state that OnLag reported last
	evicting   map[string]bool     // by node: the present state
	evictions  []Eviction          // for OnEviction
	delivering bool
	closed     bool
}

type batchKey struct {
	policy *Policy
	node   string
}

func newMeter(cfg Config) *meter {
	return &meter{
		hooks: cfg.Hooks, log: cfg.Logger, pending: make(map[batchKey]*Batch),
		lags: make(map[string]Lag), lagging: make(map[string]bool), reported: make(map[string]bool), evicting: make(map[string]bool),
	}
}

// count counts an outcome without a call to Redis.
func (m *meter) count(p *Policy, o Outcome) {
	b := Batch{Labels: p.Labels}
	b.add(o)
	m.add(p, &b)
}

func (m *meter) add(p *Policy, b *Batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total.merge(b)
	if m.hooks.OnBatch == nil {
		return
	}
	key := batchKey{p, b.Node}
	if m.pending[key] == nil {
		m.pending[key] = &Batch{Node: b.Node}
	}
	m.pending[key].merge(b)
	m.report()
}

func (m *meter) lag(l Lag) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hooks.OnLag == nil {
		return
	}
	m.lags[l.Node] = l
	if l.Begun {
		m.lagging[l.Node] = true
	} else {
		delete(m.lagging, l.Node)
	}
	m.report()
}

// eviction records the result of a check of a server; it is called after every check.
func (m *meter) eviction(e Eviction) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.Begun == m.evicting[e.Node] {
		return
	}
	m.evicting[e.Node] = e.Begun
	if e.Begun {
		m.log.Warn("redis node may evict keys that are in use; set maxmemory-policy to noeviction",
			zap.String("node", e.Node), zap.String("policy", e.Policy), zap.Int64("maxmemory", e.Limit))
	} else {
		m.log.Info("redis node no longer evicts keys", zap.String("node", e.Node))
	}
	if m.hooks.OnEviction != nil {
		m.evictions = append(m.evictions, e)
		m.report()
	}
}

// report starts the goroutine that calls the hooks, unless it runs already or the meter is closed.
// The caller holds mu.
func (m *meter) report() {
	if !m.delivering && !m.closed {
		m.delivering = true
		go m.callHooks()
	}
}

func (m *meter) callHooks() {
	defer func() { // even if a hook ends the goroutine
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.delivering = len(m.pending)+len(m.lags)+len(m.evictions) > 0; m.delivering {
			go m.callHooks() // for reports that arrived in the meantime, or because a hook ended this goroutine
		}
	}()
	for {
		m.mu.Lock()
		pending, lags, evictions := m.pending, m.lags, m.evictions
		m.pending, m.lags, m.evictions = make(map[batchKey]*Batch), make(map[string]Lag), nil
		m.mu.Unlock()
		if len(pending)+len(lags)+len(evictions) == 0 {
			return
		}
		for _, b := range pending {
			m.call("OnBatch", func() { m.hooks.OnBatch(*b) })
		}
		for _, e := range evictions {
			m.call("OnEviction", func() { m.hooks.OnEviction(e) })
		}
		for node, l := range lags {
			if l.Begun != m.reported[node] { // only this goroutine reads and writes it
				m.reported[node] = l.Begun
				m.call("OnLag", func() { m.hooks.OnLag(l) })
			}
		}
	}
}

// call calls a hook. It recovers, counts and logs a panic.
func (m *meter) call(name string, hook func()) {
	err := guard("hook", func() error { hook(); return nil })
	if p := (*PanicError)(nil); errors.As(err, &p) {
		m.userErrors.Add(1)
		m.log.Error("a hook panicked", zap.String("hook", name), zap.String("value", fmt.Sprint(p.Value)),
			zap.ByteString("stack", p.Stack))
	}
}

// userError counts and logs the error of a host function. It ignores nil.
func (m *meter) userError(task string, err error) {
	if err == nil {
		return
	}
	m.userErrors.Add(1)
	p := (*PanicError)(nil)
	if !errors.As(err, &p) {
		m.log.Warn("a function of the host failed", zap.String("task", task), zap.Error(err))
		return
	}
	m.log.Error("a function of the host panicked", zap.String("task", task), zap.String("function", p.Where),
		zap.String("value", fmt.Sprint(p.Value)), zap.ByteString("stack", p.Stack))
}

// userPanic is userError for functions that may return an error: it counts panics, not the errors
// that they return.
func (m *meter) userPanic(task string, err error) {
	if p := (*PanicError)(nil); errors.As(err, &p) {
		m.userError(task, err)
	}
}

// close reports that what has begun has ended, and prevents further calls of hooks, except for
// reports that are already pending.
func (m *meter) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	for node := range m.lagging {
		m.lags[node] = Lag{Node: node}
	}
	for node, begun := range m.evicting {
		if begun && m.hooks.OnEviction != nil {
			m.evictions = append(m.evictions, Eviction{Node: node})
		}
	}
	if len(m.lags)+len(m.evictions) > 0 {
		m.report()
	}
	m.closed = true
}

func (m *meter) goroutines() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.delivering {
		return 1
	}
	return 0
}
