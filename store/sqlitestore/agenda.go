package sqlitestore

import (
	"cmp"
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/agenda"
)

// loadAgenda puts every plan of the file on the agenda, which is in memory, and ends what belonged
// to earlier processes. Every plan is due, because nobody knows any more what the processes before
// were about to do.
func (s *Store) loadAgenda(c *conn) (err error) {
	tx, err := c.BeginImmediate()
	if err != nil {
		return c.opening("its plans cannot be read", err)
	}
	defer tx.End(&err)
	const count = "INSERT INTO meta VALUES ('opened', 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value"
	opened, err := c.number(count)
	if err == nil {
		err = c.exec("UPDATE cursor SET until = 0 WHERE until > 0")
	}
	if err != nil {
		return c.opening("its plans cannot be read", err)
	}
	// A stamp of an earlier process never equals one of this process.
	s.agenda = agenda.New(uint64(opened) << 32)
	err = c.each("SELECT id, stage, ttl FROM plan ORDER BY id", nil, func(r row) error {
		id, at := plan.ID(r.ColumnInt64(0)), stage(r.ColumnInt64(1))
		switch at {
		case complete:
			s.agenda.Wake(id)
		case creating:
			s.agenda.Expect(id, time.Duration(r.ColumnInt64(2))*time.Microsecond)
		case leaving:
			s.agenda.Expect(id, 0)
		}
		return nil
	})
	if err != nil {
		return c.opening("its plans cannot be read", err)
	}
	return nil
}

// wake puts a plan on the agenda, if back is set, when the transaction is on the disk: an engine
// that looks at it earlier would not see what the job has written. For the subscriptions it is
// unread from the same transaction on.
func (s *Store) wake(tx *tx, id plan.ID, back bool) error {
	if !back {
		return nil
	}
	s.agenda.Touch(id)
	tx.then(func() { s.agenda.Wake(id) })
	return tx.exec(`INSERT INTO unread SELECT name, ?1, ?2 FROM subscription WHERE true
		ON CONFLICT DO UPDATE SET due = min(due, excluded.due)`, int64(id), time.Now().UnixMicro())
}

// Due implements store.Agenda.
func (s *Store) Due(ctx context.Context, executors []string, limit int) ([]store.DuePlan, error) {
	if err := cmp.Or(store.CheckDue(limit), ctx.Err()); err != nil {
		return nil, err
	}
	return s.agenda.Due(executors, cmp.Or(limit, store.MaxPage)), nil
}

// Reschedule implements store.Agenda.
func (s *Store) Reschedule(ctx context.Context, id plan.ID, stamp uint64, next store.Next) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.agenda.Reschedule(id, stamp, next)
	return nil
}

// Remind implements store.Agenda.
func (s *Store) Remind(ctx context.Context, plans map[plan.ID]time.Duration) error {
	if err := cmp.Or(ctx.Err(), store.CheckCount("plans", len(plans), store.MaxBatch)); err != nil {
		return err
	}
	s.agenda.Remind(plans)
	return nil
}
