package sqlitestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// conn is a connection with its prepared statements. One goroutine uses it at a time.
type conn struct {
	*sqlite3.Conn
	file  string
	stmts map[string]*sqlite3.Stmt
	list  []byte // of the last row of events, to be used again
}

// oldest is the first version of SQLite that does not lose committed pages when two connections
// write and checkpoint at the same time.
const oldest = 3_051_003

// busyTimeout is how long a statement waits for another program that writes to the file.
const busyTimeout = 5 * time.Second

// dial opens a connection. The file exists unless create is set.
func dial(path, vfs string, create bool) (*conn, error) {
	flags := sqlite3.OPEN_READWRITE | sqlite3.OPEN_URI
	if create {
		flags |= sqlite3.OPEN_CREATE
	}
	uri := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: "vfs=" + url.QueryEscape(cmp.Or(vfs, defaultVFS))}
	db, err := sqlite3.OpenFlags(uri.String(), flags)
	if err != nil {
		return nil, &FileError{path, "cannot be opened", err}
	}
	c := &conn{Conn: db, file: path, stmts: make(map[string]*sqlite3.Stmt)}
	if err := db.BusyTimeout(busyTimeout); err != nil {
		return nil, errors.Join(&FileError{path, "cannot be set up", err}, c.Close())
	}
	return c, nil
}

// Close ends the prepared statements and the connection.
func (c *conn) Close() error {
	for _, s := range c.stmts {
		_ = s.Close() // it repeats the error of the statement's last run
	}
	clear(c.stmts)
	return c.Conn.Close()
}

// set sets a pragma and checks that it has taken effect: SQLite ignores those that it does not know
// or cannot set.
func (c *conn) set(pragma, value, want string) error {
	if err := c.Exec("PRAGMA " + pragma + " = " + value); err != nil {
		return c.opening("PRAGMA "+pragma, err)
	}
	var got string
	if _, err := c.one("PRAGMA "+pragma, nil, func(r row) { got = r.ColumnText(0) }); err != nil {
		return c.opening("PRAGMA "+pragma, err)
	}
	if got != want {
		return &FileError{File: c.file, Reason: fmt.Sprintf("PRAGMA %s is %s, it has to be %s", pragma, got, want)}
	}
	return nil
}

// opening returns the error for a failure while the file is opened.
func (c *conn) opening(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sqlite3.NOTADB):
		return &FileError{c.file, "is no database of SQLite", err}
	case errors.Is(err, sqlite3.CORRUPT):
		return &FileError{c.file, "is a damaged database", err}
	}
	return &FileError{c.file, what, c.fault(context.Background(), err)}
}

// row is a row of a result; it is valid until the function that gets it returns.
type row = *sqlite3.Stmt

// prepared returns the statement of a text, which it prepares once.
func (c *conn) prepared(sql string, args []any) (*sqlite3.Stmt, error) {
	s := c.stmts[sql]
	if s == nil {
		var err error
		if s, _, err = c.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT); err != nil {
			return nil, err
		}
		c.stmts[sql] = s
	}
	for i, a := range args {
		if err := bind(s, i+1, a); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func bind(s *sqlite3.Stmt, at int, a any) error {
	switch v := a.(type) {
	case nil:
		return s.BindNull(at)
	case int:
		return s.BindInt64(at, int64(v))
	case int64:
		return s.BindInt64(at, v)
	case uint32:
		return s.BindInt64(at, int64(v))
	case bool:
		return s.BindBool(at, v)
	case string:
		return s.BindText(at, v)
	case []byte:
		return s.BindBlob(at, v)
	}
	return fmt.Errorf("sqlitestore: a value of type %T cannot be bound", a)
}

// exec runs a statement that returns no rows.
func (c *conn) exec(sql string, args ...any) error {
	s, err := c.prepared(sql, args)
	if err != nil {
		return err
	}
	return s.Exec()
}

// each calls f for every row of a result until f returns an error.
func (c *conn) each(sql string, args []any, f func(r row) error) error {
	s, err := c.prepared(sql, args)
	if err != nil {
		return err
	}
	for s.Step() {
		if err := f(s); err != nil {
			return errors.Join(err, s.Reset())
		}
	}
	err = s.Err()
	if again := s.Reset(); err == nil {
		err = again
	}
	return err
}

// one calls f with the first row of a result and reports whether there is one.
func (c *conn) one(sql string, args []any, f func(r row)) (found bool, err error) {
	s, err := c.prepared(sql, args)
	if err != nil {
		return false, err
	}
	if found = s.Step(); found {
		f(s)
	}
	err = s.Err()
	if again := s.Reset(); err == nil {
		err = again
	}
	return found, err
}

// number returns the number in the first row of a result, 0 if there is none.
func (c *conn) number(sql string, args ...any) (n int64, err error) {
	_, err = c.one(sql, args, func(r row) { n = r.ColumnInt64(0) })
	return n, err
}
