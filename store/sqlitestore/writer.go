package sqlitestore

import (
	"context"
	"runtime"
	"sync"

	"github.com/cutover-go/cutover/plan"
)

// writer is the only goroutine that writes to the file. It takes all calls that wait and carries
// them out in one transaction: while one is under way, and the disk is busy, the next calls come
// together. There is no timer. A call that finds the writer idle is carried out at once.
//
// A call that fails when it has written something already would spoil the transaction of the
// others: then all of them are rolled back and carried out again, each in a transaction of its own.
// So a job may run more than once, and sets its results anew each time.
//
// Commits of one plan that share a transaction share its rows, too: what they have changed is
// written once, before the transaction ends or a job of another kind reads the tables.
type writer struct {
	c     *conn
	keep  int                  // events of a plan, 0 for all
	plans map[plan.ID]*rollout // as of the last transaction
	open  map[plan.ID]*rows    // those with changes that are not written yet
	// version is SQLite's count of what others have written: nobody but a person does.
	version int64
	// rolledBack is called after a transaction that was rolled back.
	rolledBack func()
	files      openFiles

	mu     sync.Mutex
	queue  []*job
	closed bool
	broken error // why nothing is written any more

	wake chan struct{} // has room for one
	done chan struct{} // closed when the goroutine has ended
}

// Limits of a transaction, and of the plans that are remembered between two.
const (
	maxJobs  = 512
	maxPlans = 64
)

// job is a call that writes.
type job struct {
	run    func(tx *tx) error
	shares bool // it changes plans only by tx.rows, or none
	tx     tx
	err    error
	done   chan struct{}
}

// tx is the transaction of a job. after are called, in order, when it is on the disk.
type tx struct {
	*conn
	w       *writer
	used    []plan.ID // the plans that the job has read
	spoiled bool      // the job has failed, and what it changed in memory must not be written
	after   []func()
}

func newWriter(c *conn, keep int, rolledBack func(), files openFiles) *writer {
	w := &writer{
		c: c, keep: keep, rolledBack: rolledBack, files: files, plans: make(map[plan.ID]*rollout), open: make(map[plan.ID]*rows),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go w.loop()
	return w
}

// write carries out run and waits until it is on the disk. If ctx ends first, run may still take
// effect: it must not touch what belongs to the caller.
func (w *writer) write(ctx context.Context, run func(tx *tx) error) error {
	return w.do(ctx, &job{run: run, done: make(chan struct{})})
}

// commit is write for a job that changes plans only by tx.rows, or none: what others have changed
// need not be written before it.
func (w *writer) commit(ctx context.Context, run func(tx *tx) error) error {
	return w.do(ctx, &job{run: run, shares: true, done: make(chan struct{})})
}

func (w *writer) do(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return ErrClosed
	}
	w.queue = append(w.queue, j)
	w.mu.Unlock()
	w.signal()
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		w.withdraw(j)
		return ctx.Err()
	}
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// withdraw removes a job that has not begun.
func (w *writer) withdraw(j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.queue {
		if w.queue[i] == j {
			w.queue = append(w.queue[:i], w.queue[i+1:]...)
			return
		}
	}
}

// close ends the writer when it has carried out what waits.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	<-w.done
}

func (w *writer) loop() {
	defer close(w.done)
	var group []*job
	for {
		runtime.Gosched() // those who were just answered may join
		w.mu.Lock()
		n := min(len(w.queue), maxJobs)
		group = append(group[:0], w.queue[:n]...)
		rest := copy(w.queue, w.queue[n:])
		clear(w.queue[rest:])
		w.queue = w.queue[:rest]
		closed := w.closed
		w.mu.Unlock()
		switch {
		case n > 0:
			w.carryOut(group)
		case closed:
			w.leave()
			return
		default:
			<-w.wake
		}
	}
}

// carryOut runs the jobs of a group and answers them.
func (w *writer) carryOut(group []*job) {
	err := w.together(group)
	if err != nil && len(group) > 1 && !final(err) {
		for i := range group {
			w.fail(group[i:i+1], w.together(group[i:i+1]))
		}
	} else {
		w.fail(group, err)
	}
	if len(w.plans) > maxPlans {
		clear(w.plans)
	}
	for _, j := range group {
		for _, f := range j.tx.after {
			f()
		}
		close(j.done)
	}
}

// fail answers jobs with the error that has spoiled their transaction, if there is one.
func (w *writer) fail(group []*job, err error) {
	if err == nil {
		return
	}
	for _, j := range group {
		if j.tx.after = nil; j.err == nil {
			j.err = w.c.fault(context.Background(), err)
		}
	}
}

// together runs jobs in one transaction. If it returns an error, nothing was written.
func (w *writer) together(group []*job) (err error) {
	for _, j := range group {
		j.err, j.tx = nil, tx{conn: w.c, w: w}
	}
	if w.broken != nil {
		return w.broken
	}
	if err := w.c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := w.carryOutAll(group); err != nil {
		w.rollBack()
		return err
	}
	if err := w.c.exec("COMMIT"); err != nil {
		w.rollBack()
		if final(err) {
			w.broken = &FileError{w.c.file, "what was written to it may be lost; open it again", err}
		}
		return err
	}
	w.broken = w.files.check()
	return w.broken
}

// carryOutAll runs jobs in the transaction that has begun.
func (w *writer) carryOutAll(group []*job) error {
	version, err := w.c.number("PRAGMA data_version")
	if err != nil {
		return err
	}
	if version != w.version {
		clear(w.plans)
	}
	w.version = version
	for _, j := range group {
		if !j.shares {
			if err := w.settle(); err != nil {
				return err
			}
		}
		if err := j.carryOut(); err != nil {
			return err
		}
	}
	return w.settle()
}

// leave gives the tasks and claims of the plans that are remembered their own rows, so that whoever
// reads the tables finds all of a task in one. If that fails, they stay where they are.
func (w *writer) leave() {
	if w.broken != nil || w.c.exec("BEGIN IMMEDIATE") != nil {
		return
	}
	version, err := w.c.number("PRAGMA data_version")
	for _, p := range w.plans {
		if p.rows.recent.rows > 0 && err == nil && version == w.version {
			p.rows.settleRecent()
			err = p.rows.err
		}
	}
	if err != nil || w.c.exec("COMMIT") != nil {
		w.rollBack()
	}
}

// settle writes what commits have changed.
func (w *writer) settle() error {
	for id, r := range w.open {
		if err := r.flush(nil, 0, w.keep); err != nil {
			return err
		}
		delete(w.open, id)
	}
	return nil
}

// carryOut runs a job. It returns an error if the job failed after it had written something.
func (j *job) carryOut() error {
	before := j.tx.TotalChanges()
	err := j.run(&j.tx)
	if err == nil {
		return nil
	}
	j.err, j.tx.after = j.tx.fault(context.Background(), err), nil
	if j.tx.spoiled || j.tx.TotalChanges() != before || j.tx.GetAutocommit() {
		return err
	}
	for _, id := range j.tx.used {
		delete(j.tx.w.plans, id) // the rules may have changed it
		delete(j.tx.w.open, id)
	}
	return nil
}

func (w *writer) rollBack() {
	clear(w.plans)
	clear(w.open)
	w.rolledBack()
	if !w.c.GetAutocommit() { // some errors have rolled back already
		if err := w.c.exec("ROLLBACK"); err != nil && w.broken == nil {
			w.broken = &FileError{w.c.file, "a transaction cannot be rolled back; open it again", err}
		}
	}
}

// plan returns a plan that can be read. The job may change it if it succeeds.
func (t *tx) plan(id plan.ID) (*rollout, error) {
	t.used = append(t.used, id)
	if p := t.w.plans[id]; p != nil {
		return p, nil
	}
	p, err := t.load(id)
	if err != nil {
		return nil, err
	}
	if err := t.checkQueue(p); err != nil {
		return nil, err
	}
	if p.rows, err = t.loadRows(p); err != nil {
		return nil, err
	}
	p.rows.ahead = make(map[uint32]*taskRow)
	t.w.plans[id] = p
	return p, nil
}

// rows returns the rows of a plan; what is changed of them, and of the plan, is written when the
// transaction ends, or before.
func (t *tx) rows(p *rollout) *rows {
	t.w.open[p.ID] = p.rows
	return p.rows
}

// then calls f as soon as the transaction is on the disk, and before the caller is answered.
func (t *tx) then(f func()) { t.after = append(t.after, f) }
