package promcutover

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/internal/nilcheck"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/renewal"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/observed"
)

// Collector exports the metrics of one process. It is safe for concurrent use.
//
// Its Collect sends what is in memory: it makes no call of the store, and never an error, which
// would turn the whole answer of the host's metrics into one.
type Collector struct {
	// Immutable after construction.
	cfg      Config
	families *families
	began    time.Time
	process  *process
	calls    *calls
	renewal  *renewals
	confirms *confirms

	// What is exported only since somebody has asked for its observer. A process may have tools and
	// no engine: figures of one that nobody reads would look as if the store were away.
	engineUsed, storeWrapped, renewalHooked, redisackHooked atomic.Bool

	started  atomic.Bool
	failures atomic.Uint64 // of refreshes

	mu    sync.Mutex
	tally *tally // nil before the first refresh
}

// ErrRegistered is matched by the error of [New] if the registerer has such metrics already.
var ErrRegistered = errors.New("promcutover: a collector of this name is registered")

// New returns a collector that is registered with reg. Its hooks and its store go into the engine's
// configuration; what the store tells is exported when [Collector.Run] runs.
//
// If an argument has faults, the error is an *[InvalidError]. If reg has a collector of the same
// Config.Name, it matches [ErrRegistered]. Otherwise it is that of reg.
func New(reg prometheus.Registerer, c Config) (*Collector, error) {
	c = c.withDefaults()
	faults := c.faults()
	if nilcheck.IsNil(reg) {
		faults = append(faults, "the registerer is nil")
	}
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	m := &Collector{
		cfg: c, families: newFamilies(c.Name), began: time.Now(),
		process: newProcess(c), calls: newCalls(c.Histograms), renewal: newRenewals(), confirms: newConfirms(c.Histograms),
	}
	if err := reg.Register(m); err != nil {
		if already := (prometheus.AlreadyRegisteredError{}); errors.As(err, &already) {
			return nil, fmt.Errorf("%w: %q; give each engine of the process a Config.Name of its own", ErrRegistered, c.Name)
		}
		return nil, fmt.Errorf("promcutover: the metrics cannot be registered: %w", err)
	}
	return m, nil
}

// Hooks returns hooks for the Config of the engine. Combine them with those that log, by hook.Join:
// an engine logs store faults by itself only as long as nobody else is told of them.
func (m *Collector) Hooks() hook.Hooks {
	m.engineUsed.Store(true)
	return m.process.hooks()
}

// Store returns a store that makes the calls of s, and counts and times them. If s is nil the
// result is s.
func (m *Collector) Store(s store.Store) store.Store {
	m.engineUsed.Store(true)
	m.storeWrapped.Store(true)
	return observed.New(s, m.calls)
}

// Renewal returns hooks for the Config of one renewal service.
func (m *Collector) Renewal() renewal.Hooks {
	m.renewalHooked.Store(true)
	return m.renewal.hooks()
}

// Redisack returns hooks for the Config of a redisack client.
func (m *Collector) Redisack() redisack.Hooks {
	m.redisackHooked.Store(true)
	return m.confirms.hooks()
}

// Describe implements prometheus.Collector.
func (m *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range m.families.all {
		to <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (m *Collector) Collect(to chan<- prometheus.Metric) {
	s := sender{to}
	if m.engineUsed.Load() || !m.renewalHooked.Load() && !m.redisackHooked.Load() {
		m.sendTally(s)
		m.sendProcess(s)
	}
	if m.storeWrapped.Load() {
		m.sendCalls(s)
	}
	if m.renewalHooked.Load() {
		m.renewal.send(s, m.families)
	}
	if m.redisackHooked.Load() {
		m.confirms.send(s, m.families)
	}
}
