package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// ErrClosed is the error of calls of a store that was closed.
var ErrClosed = errors.New("pgstore: the store is closed")

// InvalidError names every fault of a [Config] or a URL.
type InvalidError struct{ Faults []string }

func (e *InvalidError) Error() string { return "pgstore: " + strings.Join(e.Faults, "; ") }

// SchemaError is the error of [Open] and [Verify] for a schema that does not have the tables.
type SchemaError struct {
	Schema string
	// Missing are tables that the schema should have; empty if it has none of them, because Migrate
	// was never called.
	Missing []string
}

func (e *SchemaError) Error() string {
	if len(e.Missing) == 0 {
		return fmt.Sprintf("pgstore: schema %q has no tables of cutover: call Migrate, or run what SQL returns", e.Schema)
	}
	return fmt.Sprintf("pgstore: schema %q has lost: %s", e.Schema, strings.Join(e.Missing, ", "))
}

// VersionError is the error for tables of another version than this library works with.
type VersionError struct {
	Schema string
	// Found is the version of the tables, Known the one of this library.
	Found, Known int64
}

func (e *VersionError) Error() string {
	advice := "older ones stay as they are: let its plans end with the library that made it, and give this one another Config.Schema"
	switch {
	case e.Found > e.Known:
		advice = "a newer library has made them"
	case e.Found == e.Known-1:
		advice = "stop all processes that use it, and call Migrate"
	}
	return fmt.Sprintf("pgstore: schema %q has version %d of the tables, this library works with version %d: %s", e.Schema, e.Found, e.Known, advice)
}

// RightsError is the error for a user who lacks rights that the store needs.
type RightsError struct {
	User string
	// Missing are the rights, as GRANT takes them: the schema's, those of each table and sequence.
	Missing []string
}

func (e *RightsError) Error() string {
	return fmt.Sprintf("pgstore: user %q lacks rights: %s", e.User, strings.Join(e.Missing, "; "))
}

// ServerError is the error for a statement that the server has refused for a reason that does not
// pass by itself.
type ServerError struct {
	// Code is the SQLSTATE.
	Code string
	Err  error
}

func (e *ServerError) Error() string {
	msg := "pgstore: " + e.Err.Error()
	switch e.Code {
	case "42P05", "26000": // duplicate_prepared_statement, invalid_sql_statement_name
		msg += ": a pooler gives connections to others between transactions; behind it Config.Prepare must be off"
	}
	return msg
}

// Unwrap returns the server's error.
func (e *ServerError) Unwrap() error { return e.Err }

// corruptAt returns the error for a row of a table that makes no sense. key tells it from others.
func (s *Store) corruptAt(table, key, reason string) error {
	return &store.CorruptError{Key: fmt.Sprintf("table %s.%s, %s", s.cfg.Schema, table, key), Reason: reason}
}

// corrupt is corruptAt for a row of a plan.
func (s *Store) corrupt(table string, id plan.ID, format string, args ...any) error {
	return s.corruptAt(table, fmt.Sprintf("plan %d", id), fmt.Sprintf(format, args...))
}

// damaged is corruptAt for a row of the table task.
func (s *Store) damaged(id plan.ID, ordinal uint32, reason string) error {
	return s.corruptAt("task", fmt.Sprintf("plan %d, ordinal %d", id, ordinal), reason)
}

// errCount is what a statement fails with that has not met as many rows as were read just before.
const errCount = "22012" // division_by_zero

// errUnique is what a second row with a key fails with.
const errUnique = "23505"

// fault returns the error of a call whose caller's context is ctx. What the store itself has
// returned stays as it is.
func fault(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var answer *pgconn.PgError
	switch {
	case errors.As(err, &answer):
		if ctx.Err() != nil && answer.Code == "57014" {
			return ctx.Err()
		}
		return classified(answer, err)
	case lost(err):
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &store.TemporaryError{Err: fmt.Errorf("pgstore: %w", err)}
	}
	return err
}

// classified returns the error for an answer of the server.
func classified(answer *pgconn.PgError, err error) error {
	switch {
	case passes(answer.Code):
		return &store.TemporaryError{Err: &ServerError{answer.Code, err}}
	case answer.Code == errCount:
		return &store.CorruptError{Key: "a row", Reason: "it is gone, although the plan is locked"}
	case strings.HasPrefix(answer.Code, "XX00"):
		return &store.CorruptError{Key: "the database", Reason: err.Error()}
	}
	return &ServerError{answer.Code, err}
}

// passes reports whether what the server says may pass by itself.
func passes(code string) bool {
	switch code {
	case "55P03", "57014", "57P01", "57P02", "57P03", "57P05", "25006", "40001", "40P01", "25P03", "25P04":
		// A lock or a statement took too long, the server ends or starts, it is a replica after a
		// failover, two transactions are in each other's way.
		return true
	}
	// Connections, resources such as the disk, and what the operating system says.
	return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "58")
}
