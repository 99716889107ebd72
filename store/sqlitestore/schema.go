package sqlitestore

import (
	"context"
	_ "embed"
	"fmt"
)

//go:embed schema.sql
var schema string

// layout is the version of the tables in schema.sql. It is raised by a change that older libraries
// must not work on.
const layout = 4

// applicationID is the number that tells the files of this package from other databases: file(1)
// shows it.
const applicationID = 0x63757476 // "cutv"

// prepare makes the connection durable and fast, and the tables if the file is empty.
func (c *conn) prepare() error {
	if err := c.checkVersion(); err != nil {
		return err
	}
	if err := c.checkFile(); err != nil {
		return err
	}
	if err := c.set("journal_mode", "WAL", "wal"); err != nil {
		return err
	}
	for _, p := range [][3]string{
		{"synchronous", "FULL", "2"},
		{"wal_autocheckpoint", "10000", "10000"},
		{"foreign_keys", "OFF", "0"},
		{"temp_store", "MEMORY", "2"},
	} {
		if err := c.set(p[0], p[1], p[2]); err != nil {
			return err
		}
	}
	return c.create()
}

// checkVersion refuses versions of SQLite that are too old.
func (c *conn) checkVersion() error {
	var version string
	var number int
	if _, err := c.one("SELECT sqlite_version()", nil, func(r row) { version = r.ColumnText(0) }); err != nil {
		return c.opening("sqlite_version()", err)
	}
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err == nil {
		number = major*1_000_000 + minor*1000 + patch
	}
	if number < oldest {
		return &FileError{File: c.file, Reason: "the program has SQLite " + version + ", which can lose committed pages; the first that does not is 3.51.3"}
	}
	return nil
}

// checkFile refuses a file that is another database, or has a layout that this library does not
// read. It writes nothing.
func (c *conn) checkFile() error {
	tables, err := c.number("SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return c.opening("it cannot be read", err)
	}
	id, err := c.number("PRAGMA application_id")
	if err != nil {
		return c.opening("PRAGMA application_id", err)
	}
	if tables == 0 && id == 0 {
		return nil
	}
	if id != applicationID {
		return &FileError{File: c.file, Reason: "is a database of another program"}
	}
	found, err := c.number("PRAGMA user_version")
	if err != nil {
		return c.opening("PRAGMA user_version", err)
	}
	if found != layout {
		return &VersionError{File: c.file, Found: found, Known: layout}
	}
	return nil
}

// create makes the tables, all of them or none, if there are none.
func (c *conn) create() (err error) {
	if id, err := c.number("PRAGMA application_id"); err != nil || id == applicationID {
		return c.fault(context.Background(), err)
	}
	tx, err := c.BeginImmediate()
	if err != nil {
		return c.opening("its tables cannot be made", err)
	}
	defer tx.End(&err)
	made := fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = %d", schema, applicationID, layout)
	if err := c.Exec(made); err != nil {
		return c.opening("its tables cannot be made", err)
	}
	return nil
}

// verify compares the tables with those that the layout has.
func (c *conn) verify() error {
	for _, table := range []string{
		"meta", "plan", "control", "facts", "wave", "failure_group", "command", "task", "queue", "release", "claim", "recent", "event", "cursor",
		"tenant_lock", "place", "subscription", "unread", "dead_letter",
	} {
		n, err := c.number("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", table)
		if err != nil {
			return c.opening("its tables cannot be read", err)
		}
		if n == 0 {
			return &FileError{File: c.file, Reason: "has lost its table " + table}
		}
	}
	return nil
}
