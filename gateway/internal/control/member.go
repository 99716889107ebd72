package control

import (
	"context"
	"sync"

	"github.com/cutover-go/cutover/gateway"
)

// Load returns the wanted rows and their revision.
type Load func(context.Context) (gateway.Rows, uint64, error)

// Mode says how a proxy is synchronised.
type Mode struct {
	// Verify compares what the proxy has with the table, whatever earlier calls have done.
	Verify bool
	// Differs means that the proxy has answered a request by another row than it was given.
	Differs bool
	// Alone means that no other process synchronises the proxy at the same time.
	Alone bool
}

// SyncFunc makes a proxy run the table that load returns, in durable form first, and returns the
// table's revision. It is not called concurrently for one member.
type SyncFunc func(ctx context.Context, load Load, how Mode) (rev uint64, err error)

// Insight is what a gateway knows of a proxy beside what the proxy answers. Its methods are called
// concurrently.
type Insight interface {
	// Ask returns the row that the proxy serves, if known is true; if not, the prober asks it.
	Ask(ctx context.Context, tenant string) (row gateway.Row, known bool, err error)
	// Answered is told each row that the proxy has served.
	Answered(row gateway.Row)
	// Behind returns why the proxy may not serve the wanted row, nil if nothing is known.
	Behind(want gateway.Row) error
}

// Member is one proxy of a fleet. Its state lasts for as long as the fleet lists the proxy.
type Member struct {
	Name string
	URL  string // of the data path
	// Insight may be set before the member is used. Default: nil, nothing is known.
	Insight Insight

	sync SyncFunc
	turn turn
	// asks has room for the questions that are put to the proxy at the same time, by a prober that
	// asks no series or by Insight.
	asks chan struct{}

	mu      sync.Mutex
	reached uint64 // the revision to which the proxy was last brought
	suspect bool   // what the proxy has is not known
	differs bool   // the proxy has answered by another row than it was given
	// questions are those to the proxy, by the colour that is wanted.
	questions map[string]*questions
}

// maxAsks is the maximum number of questions to one proxy at a time: each is a new connection.
const maxAsks = 32

// NewMember returns a proxy about which nothing is known yet.
func NewMember(name, url string, sync SyncFunc) *Member {
	return &Member{
		Name: name, URL: url, sync: sync, turn: newTurn(), asks: make(chan struct{}, maxAsks), suspect: true,
		questions: map[string]*questions{},
	}
}

// questionsOf returns the questions for tenants that are wanted at a colour.
func (m *Member) questionsOf(colour string) *questions {
	m.mu.Lock()
	defer m.mu.Unlock()
	q, ok := m.questions[colour]
	if !ok {
		q = newQuestions()
		m.questions[colour] = q
	}
	return q
}

// reach brings the proxy to revision rev or a later one. Of the callers that wait at the same time
// one does so for all.
func (m *Member) reach(ctx context.Context, rev uint64, table gateway.Table) error {
	if m.has(rev) {
		return nil
	}
	if err := m.turn.take(ctx); err != nil {
		return err
	}
	defer m.turn.end()
	if m.has(rev) {
		return nil
	}
	return m.synchronise(ctx, table)
}

// synchronise brings the proxy to the current revision. The caller has the turn.
func (m *Member) synchronise(ctx context.Context, table gateway.Table) error {
	locker, ok := table.(gateway.Locker)
	if !ok {
		return m.update(ctx, table, false)
	}
	unlock, err := locker.LockInstance(ctx, m.Name)
	if err != nil {
		return &tableError{err}
	}
	defer unlock()
	return m.update(ctx, table, true)
}

// update calls the member's function. The caller has the turn and, if it is alone, the lock.
func (m *Member) update(ctx context.Context, table gateway.Table, alone bool) error {
	m.mu.Lock()
	how := Mode{Verify: m.suspect, Differs: m.differs, Alone: alone}
	m.mu.Unlock()
	reached, err := m.sync(ctx, table.Load, how)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.reached, m.suspect = 0, true
		return err
	}
	m.reached, m.suspect, m.differs = reached, false, false
	return nil
}

// exclusively calls f while nobody else changes the proxy, and then verifies all that it has.
func (m *Member) exclusively(ctx context.Context, table gateway.Locker, f func(context.Context) error) error {
	if err := m.turn.take(ctx); err != nil {
		return err
	}
	defer m.turn.end()
	unlock, err := table.LockInstance(ctx, m.Name)
	if err != nil {
		return &tableError{err}
	}
	defer unlock()
	m.suspects() // also if f panics
	if err := f(ctx); err != nil {
		return err
	}
	return m.update(ctx, table, true)
}

// check synchronises the proxy even if it was brought to the current revision before.
func (m *Member) check(ctx context.Context, verify bool, table gateway.Table) error {
	if err := m.turn.take(ctx); err != nil {
		return err
	}
	defer m.turn.end()
	if verify {
		m.suspects()
	}
	return m.synchronise(ctx, table)
}

// suspects makes the next synchronisation verify what the proxy has.
func (m *Member) suspects() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.suspect = true
}

// markDiffers makes the next caller of reach verify what the proxy has, because a request was
// answered by another row.
func (m *Member) markDiffers() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.suspect, m.differs = true, true
}

func (m *Member) has(rev uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.suspect && m.reached >= rev
}
