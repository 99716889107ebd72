package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// ErrClosed is the error of calls of a store that was closed.
var ErrClosed = errors.New("sqlitestore: the store is closed")

// InvalidError names every fault of the arguments of [Open].
type InvalidError struct{ Faults []string }

func (e *InvalidError) Error() string { return "sqlitestore: " + strings.Join(e.Faults, "; ") }

// InUseError is the error of [Open] for a file that is open already, in this process or another.
type InUseError struct {
	// File is the file, Holder the host and the process that has it open, as they are in the lock
	// file; empty if they cannot be read.
	File, Holder string
}

func (e *InUseError) Error() string {
	holder := e.Holder
	if holder == "" {
		holder = "another process"
	}
	return fmt.Sprintf("sqlitestore: %s is open in %s: one process at a time works on a file", e.File, holder)
}

// FileError is the error for a file that cannot be worked on: it is no database of this package, it
// cannot be written, or the file system does not keep what is written to it.
type FileError struct {
	File, Reason string
	// Err is the cause; may be nil.
	Err error
}

func (e *FileError) Error() string {
	msg := "sqlitestore: " + e.File + ": " + e.Reason
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// VersionError is the error for a layout of the tables that this library does not read.
type VersionError struct {
	File string
	// Found is the version of the layout in the file, Known the one that this library has.
	Found, Known int64
}

func (e *VersionError) Error() string {
	advice := "let its plans end with the library that made it, and begin a new file"
	if e.Found > e.Known {
		advice = "a newer library has made it"
	}
	return fmt.Sprintf("sqlitestore: %s has version %d of the tables, this library has version %d: %s", e.File, e.Found, e.Known, advice)
}

// corruptAt returns the error for a row of a table that makes no sense. key tells it from others.
func (c *conn) corruptAt(table, key, reason string) error {
	return &store.CorruptError{Key: fmt.Sprintf("%s: table %s, %s", c.file, table, key), Reason: reason}
}

// corrupt is corruptAt for a row of a plan.
func (c *conn) corrupt(table string, id plan.ID, format string, args ...any) error {
	return c.corruptAt(table, fmt.Sprintf("plan %d", id), fmt.Sprintf(format, args...))
}

// damaged is corruptAt for a row of the table task.
func (c *conn) damaged(id plan.ID, ordinal uint32, reason string) error {
	return c.corruptAt("task", fmt.Sprintf("plan %d, ordinal %d", id, ordinal), reason)
}

// fault returns the error for a failure of SQLite during a call.
func (c *conn) fault(ctx context.Context, err error) error {
	var code sqlite3.ErrorCode
	var file *FileError
	if err == nil || errors.As(err, &file) || !errors.As(err, &code) {
		return err
	}
	switch code { //nolint:exhaustive // the rest has one answer
	case sqlite3.INTERRUPT:
		if cause := ctx.Err(); cause != nil {
			return cause
		}
	case sqlite3.CORRUPT, sqlite3.NOTADB:
		return &store.CorruptError{Key: c.file, Reason: err.Error()}
	case sqlite3.FULL:
		return &store.TemporaryError{Err: &FileError{c.file, "the disk is full", err}}
	case sqlite3.BUSY, sqlite3.LOCKED:
		return &store.TemporaryError{Err: &FileError{c.file, "another program writes to it", err}}
	case sqlite3.IOERR:
		return &store.TemporaryError{Err: &FileError{c.file, "cannot be read or written", err}}
	case sqlite3.READONLY, sqlite3.CANTOPEN, sqlite3.PERM, sqlite3.AUTH:
		return &FileError{c.file, "cannot be written", err}
	}
	return &FileError{c.file, "the query failed", err}
}

// final reports whether nothing may be written after err until the file is opened again: what was
// written before may not be on the disk although the system will say that it is.
func final(err error) bool {
	return errors.Is(err, sqlite3.IOERR_FSYNC) || errors.Is(err, sqlite3.IOERR_DIR_FSYNC)
}
