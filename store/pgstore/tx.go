package pgstore

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// tx is a transaction. Its statements wait until flush sends all of them in one round trip; the
// functions that they were given are called then, in order. The transaction begins with the first
// flush. It leaves nothing behind on its connection, which may be another server process's with the
// next transaction, behind a pooler.
type tx struct {
	s    *Store
	ctx  context.Context //nolint:containedctx // a tx lives within one call
	db   sender
	b    *pgx.Batch
	sent bool
	// begun is set between the statements that begin a transaction and the one that commits it, by
	// chains.
	begun bool
	err   error // the first one of a function

	after []func() // called when the transaction is committed
}

// sender is what sends the statements: a connection, or a transaction of the host's.
type sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// exec adds a statement without a result.
func (t *tx) exec(sql string, args ...any) { t.b.Queue(t.s.sql(sql), args...) }

// affected adds a statement; f gets the number of rows that it has changed.
func (t *tx) affected(f func(n int64), sql string, args ...any) {
	t.b.Queue(t.s.sql(sql), args...).Exec(func(tag pgconn.CommandTag) error { f(tag.RowsAffected()); return nil })
}

// each adds a query; f is called for every row.
func (t *tx) each(f func(r pgx.Rows) error, sql string, args ...any) {
	t.b.Queue(t.s.sql(sql), args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := f(rows); err != nil && t.err == nil {
				t.err = err // the rest is read, so that the connection stays usable
			}
		}
		rows.Close()
		return rows.Err()
	})
}

// one adds a query for one row, which is read into to. found, if not nil, tells whether there is
// one.
func (t *tx) one(found *bool, to []any, sql string, args ...any) {
	t.each(func(r pgx.Rows) error {
		if found != nil {
			*found = true
		}
		return r.Scan(to...)
	}, sql, args...)
}

// flush sends what waits, and returns the first error of the server or of a function.
func (t *tx) flush() error {
	if t.b.Len() == 0 {
		return nil
	}
	b := t.b
	t.b, t.sent = &pgx.Batch{}, true
	if err := t.db.SendBatch(t.ctx, b).Close(); err != nil {
		return err
	}
	return t.err
}

// then calls f when the transaction is committed, before the caller is answered.
func (t *tx) then(f func()) { t.after = append(t.after, f) }

// write runs f in a transaction of its own, read committed, whatever the default is.
func (s *Store) write(ctx context.Context, f func(t *tx) error) error {
	return s.transact(ctx, f, s.opening()...)
}

// opening returns the statements that begin a transaction that writes.
func (s *Store) opening() []string {
	const begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
	if s.settings == "" {
		return []string{begin}
	}
	return []string{begin, s.settings}
}

// begin adds the statements that begin a transaction.
func (t *tx) begin(statements ...string) {
	t.begun = true
	for _, sql := range statements {
		t.b.Queue(sql)
	}
}

// read runs f in a transaction in which everything is of one moment.
func (s *Store) read(ctx context.Context, f func(t *tx) error) error {
	return s.transact(ctx, f, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
}

// auto sends the statements that f adds in one round trip, in a transaction of their own.
func (s *Store) auto(ctx context.Context, f func(t *tx)) error {
	return s.transact(ctx, func(t *tx) error { f(t); return nil })
}

func (s *Store) transact(ctx context.Context, f func(t *tx) error, begin ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return ErrClosed
	}
	limited, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	conn, err := s.pool.Acquire(limited)
	if err != nil {
		return s.ended(ctx, err)
	}
	defer conn.Release()
	t := &tx{s: s, ctx: limited, db: conn, b: &pgx.Batch{}}
	t.begin(begin...)
	if err = f(t); err == nil {
		if len(begin) > 0 {
			t.b.Queue("COMMIT")
		}
		err = t.flush()
	}
	if err != nil {
		rollBack(conn)
		return s.ended(ctx, err)
	}
	for _, f := range t.after {
		f()
	}
	return nil
}

// ended returns the error of a call.
func (s *Store) ended(ctx context.Context, err error) error {
	if s.closed.Load() && lost(err) {
		return ErrClosed
	}
	return fault(ctx, err)
}

// rollBack ends a transaction that has failed. Without an answer soon, the connection is closed,
// which has the same effect.
func rollBack(conn *pgxpool.Conn) {
	if c := conn.Conn(); c.IsClosed() || c.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = conn.Exec(ctx, "ROLLBACK", pgx.QueryExecModeSimpleProtocol)
}

// lost reports whether err is about the connection, and not an answer of the server.
func lost(err error) bool {
	var connecting *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connecting) || errors.As(err, &network) || pgconn.Timeout(err) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "closed pool")
}
