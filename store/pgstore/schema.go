package pgstore

import (
	"context"
	_ "embed" // the tables
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/store"
)

//go:embed schema.sql
var schema string

//go:embed views.sql
var views string

// layout is the version of the tables.
const layout = 3

// SQL returns what makes the schema and its tables, for a tool of the host's. An empty name means
// DefaultSchema. The statements succeed once, in a transaction.
func SQL(name string) string {
	name = Config{Schema: name}.withDefaults().Schema
	q := pgx.Identifier{name}.Sanitize()
	return fmt.Sprintf("CREATE SCHEMA IF NOT EXISTS %s;\n\n%s\n%s\nINSERT INTO %s.meta (name, value) VALUES ('layout', %d);\n",
		q, qualified(schema, name), qualified(views, name), q, layout)
}

// qualified puts the name of the schema in the place of "@".
func qualified(sql, name string) string {
	return strings.ReplaceAll(sql, "@.", pgx.Identifier{name}.Sanitize()+".")
}

// sql returns a statement about the tables of the store.
func (s *Store) sql(text string) string {
	if known, is := s.texts.Load(text); is {
		return known.(string)
	}
	whole := qualified(text, s.cfg.Schema)
	s.texts.Store(text, whole)
	return whole
}

// upgrade makes the tables of the version before those of this one. A process of that version may
// still run, and changes plans without a new revision. So one column gets another name: each of its
// statements on facts names that column, and fails. The views are made anew.
const upgrade = `
ALTER TABLE @.facts ADD COLUMN revision bigint NOT NULL DEFAULT 0;
ALTER TABLE @.facts ALTER COLUMN revision DROP DEFAULT;
ALTER TABLE @.facts RENAME COLUMN appended TO stored;
ALTER TABLE @.task SET (fillfactor = 25);
UPDATE @.meta SET value = 3 WHERE name = 'layout';`

// Migrate makes the schema and its tables in the database at url, all of them or nothing, if they
// are not there, and changes those of the version before. Its user owns them. Several calls at the
// same time are fine. It returns a *VersionError if the tables have any other version.
func Migrate(ctx context.Context, url string, cfg Config) error {
	return cfg.connected(ctx, url, func(c *pgx.Conn, cfg Config) error {
		tx, err := c.Begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
		// A lock of this transaction alone, so that the second of two makes nothing.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('cutover ' || $1, 0))", cfg.Schema); err != nil {
			return err
		}
		found, err := version(ctx, tx, cfg.Schema)
		if err != nil || found == layout {
			return err
		}
		sql := SQL(cfg.Schema)
		switch found {
		case 0:
		case layout - 1:
			sql = qualified(upgrade+views, cfg.Schema)
		default:
			return &VersionError{Schema: cfg.Schema, Found: found, Known: layout}
		}
		if _, err := tx.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		return tx.Commit(ctx)
	})
}

// Verify reports whether a store can be opened with the schema at url, by its user: nil, a
// *SchemaError, a *VersionError or a *RightsError. It changes nothing.
func Verify(ctx context.Context, url string, cfg Config) error {
	return cfg.connected(ctx, url, func(c *pgx.Conn, cfg Config) error { return verify(ctx, c, cfg.Schema) })
}

func (c Config) connected(ctx context.Context, url string, f func(c *pgx.Conn, cfg Config) error) error {
	if err := c.check(); err != nil {
		return err
	}
	c = c.withDefaults()
	pool, err := c.pool(url)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 6*c.Timeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, pool.ConnConfig)
	if err != nil {
		return fault(ctx, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return fault(ctx, f(conn, c))
}

// querier is a connection, or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// version returns the version of the tables in a schema, 0 if there are none.
func version(ctx context.Context, q querier, name string) (found int64, err error) {
	var is bool
	err = q.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = 'meta'", name).Scan(&is)
	if err != nil || !is {
		return 0, err
	}
	var usable bool
	if err := q.QueryRow(ctx, "SELECT has_schema_privilege($1, 'USAGE') AND has_table_privilege($2, 'SELECT')",
		name, pgx.Identifier{name, "meta"}.Sanitize()).Scan(&usable); err != nil {
		return 0, err
	}
	if !usable {
		tables, sequences := relations()
		return 0, checkRights(ctx, q, name, tables, sequences)
	}
	err = q.QueryRow(ctx, qualified("SELECT coalesce(max(value), -1) FROM @.meta WHERE name = 'layout'", name)).Scan(&found)
	if err == nil && found < 0 {
		err = &store.CorruptError{Key: "table " + name + ".meta", Reason: "the row layout is missing"}
	}
	return found, err
}

func user(ctx context.Context, q querier) (name string) {
	if err := q.QueryRow(ctx, "SELECT current_user").Scan(&name); err != nil {
		return "?"
	}
	return name
}

// relations are the tables and the sequences of the schema.
func relations() (tables, sequences []string) {
	for _, m := range regexp.MustCompile(`CREATE (TABLE|SEQUENCE) @\.(\w+)`).FindAllStringSubmatch(schema, -1) {
		if m[1] == "TABLE" {
			tables = append(tables, m[2])
		} else {
			sequences = append(sequences, m[2])
		}
	}
	return tables, sequences
}

// verify compares the schema, and what its user may do, with what a store needs.
func verify(ctx context.Context, q querier, name string) error {
	found, err := version(ctx, q, name)
	switch {
	case err != nil:
		return err
	case found == 0:
		return &SchemaError{Schema: name}
	case found != layout:
		return &VersionError{Schema: name, Found: found, Known: layout}
	}
	tables, sequences := relations()
	have, err := relationsOf(ctx, q, name)
	if err != nil {
		return err
	}
	var lost []string
	for _, want := range slices.Concat(tables, sequences) {
		if !slices.Contains(have, want) {
			lost = append(lost, want)
		}
	}
	if len(lost) > 0 {
		return &SchemaError{Schema: name, Missing: lost}
	}
	return checkRights(ctx, q, name, tables, sequences)
}

func relationsOf(ctx context.Context, q querier, name string) (have []string, err error) {
	rows, err := q.Query(ctx, "SELECT c.relname::text FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1", name)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// checkRights returns a *RightsError that names all rights that are missing. It needs none itself.
func checkRights(ctx context.Context, q querier, name string, tables, sequences []string) error {
	rows, err := q.Query(ctx, `
		SELECT format('USAGE ON SCHEMA %I', $1::text) WHERE NOT has_schema_privilege($1, 'USAGE')
		UNION ALL (
			SELECT string_agg(wanted, ', ' ORDER BY place) || CASE relkind WHEN 'S' THEN ' ON SEQUENCE ' ELSE ' ON ' END || format('%I.%I', $1::text, relname)
			FROM (
				SELECT relname, relkind, wanted, place, array_position($2::text[] || $3::text[], relname::text) AS nth
				FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace,
					unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'USAGE']) WITH ORDINALITY AS w (wanted, place)
				WHERE n.nspname = $1 AND CASE
					WHEN relname = ANY ($2) THEN wanted <> 'USAGE' AND NOT has_table_privilege(c.oid, wanted)
					WHEN relname = ANY ($3) THEN wanted IN ('USAGE', 'SELECT') AND NOT has_sequence_privilege(c.oid, wanted)
				END
			) AS lacking
			GROUP BY relname, relkind, nth ORDER BY nth
		)`, name, tables, sequences)
	if err != nil {
		return err
	}
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(missing) == 0 {
		return err
	}
	return &RightsError{User: user(ctx, q), Missing: missing}
}
