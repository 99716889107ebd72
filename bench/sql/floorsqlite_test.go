package sqlbench

import (
	"encoding/binary"
	"errors"
	"os"
	"time"

	"github.com/ncruces/go-sqlite3"
)

const floorFile = `
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 10000;
CREATE TABLE plans (id INTEGER PRIMARY KEY, rev INTEGER NOT NULL, running INTEGER NOT NULL, completed INTEGER NOT NULL) STRICT;
CREATE TABLE tasks (ordinal INTEGER PRIMARY KEY, state INTEGER NOT NULL, token INTEGER NOT NULL, at INTEGER NOT NULL, data BLOB) STRICT;
CREATE TABLE events (rev INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
INSERT INTO plans VALUES (1, 0, 0, 0)`

// statements are prepared once.
type statements struct {
	c                                            *sqlite3.Conn
	begin, commit, insert, change, event, counts *sqlite3.Stmt
}

func floorOnSQLite(r *run) {
	c, err := sqlite3.Open("file:" + r.file)
	r.ok(err)
	r.ok(c.Exec(floorFile))
	s := &statements{c: c}
	for text, to := range map[string]**sqlite3.Stmt{
		"BEGIN IMMEDIATE": &s.begin, "COMMIT": &s.commit, "INSERT INTO tasks VALUES (?, 0, 0, 0, NULL)": &s.insert,
		"UPDATE tasks SET state = ?2, token = ?3, at = ?4, data = coalesce(?5, data) WHERE ordinal = ?1 AND token = ?6": &s.change,
		"INSERT INTO events VALUES (?, ?)": &s.event,
		"UPDATE plans SET rev = ?1, running = running + ?2 - ?3, completed = completed + ?3 WHERE id = 1": &s.counts,
	} {
		*to, _, err = c.PrepareFlags(text, sqlite3.PREPARE_PERSISTENT)
		r.ok(err)
	}
	r.ok(s.begin.Exec())
	for i := range r.n {
		r.ok(exec(s.insert, int64(i+1)))
	}
	r.ok(s.commit.Exec())
	rev := int64(0)
	r.bare(func(list []transition) error { rev++; return s.write(rev, list) })
	for _, stmt := range []*sqlite3.Stmt{s.begin, s.commit, s.insert, s.change, s.event, s.counts} {
		r.ok(stmt.Close())
	}
	r.ok(c.Exec("DELETE FROM events; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)"))
	r.ok(c.Close())
	info, err := os.Stat(r.file)
	r.ok(err)
	r.bytes = float64(info.Size()) / float64(r.n)
}

func (s *statements) write(rev int64, list []transition) error {
	if err := s.begin.Exec(); err != nil {
		return err
	}
	at, body := time.Now().UnixMicro(), []byte(nil)
	for i := range list {
		t := &list[i]
		state := int64(1)
		if t.ended {
			state = 2
		}
		data := s.change.BindNull(5)
		if t.data != nil {
			data = s.change.BindBlob(5, t.data)
		}
		if err := errors.Join(data, s.change.BindInt64(6, t.old), exec(s.change, int64(t.ordinal), state, t.new, at)); err != nil {
			return err
		}
		if s.c.Changes() != 1 {
			return errors.New("a token does not hold")
		}
		body = append(binary.BigEndian.AppendUint32(body, uint32(t.ordinal)), byte(state))
	}
	taken, ended := tally(list)
	return errors.Join(s.event.BindBlob(2, body), exec(s.event, rev), exec(s.counts, rev, int64(taken), int64(ended)), s.commit.Exec())
}

func exec(s *sqlite3.Stmt, numbers ...int64) error {
	for i, n := range numbers {
		if err := s.BindInt64(i+1, n); err != nil {
			return err
		}
	}
	return s.Exec()
}
