package pgstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/internal/pgtest"
)

// schemas gives tests empty schemas of one server. Those that tests have ended with are emptied and
// used again: to make the tables takes longer.
type schemas struct {
	*pgtest.Server

	mu   sync.Mutex
	free []string
	made int
}

func newSchemas(t testing.TB, settings ...string) *schemas {
	t.Helper()
	return &schemas{Server: pgtest.Start(t, settings...)}
}

// url returns the URL of the superuser.
func (s *schemas) url() string { return s.URL("postgres", pgtest.Superuser) }

// schema returns the name of an empty schema.
func (s *schemas) schema(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	name := ""
	if n := len(s.free); n > 0 {
		name, s.free = s.free[n-1], s.free[:n-1]
	} else {
		s.made++
		name = fmt.Sprintf("s%d", s.made)
	}
	s.mu.Unlock()
	if err := Migrate(t.Context(), s.url(), Config{Schema: name}); err != nil {
		t.Fatal(err)
	}
	run(t, s.url(), emptied(name))
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free = append(s.free, name)
	})
	return name
}

// emptied returns the statements that make a schema as if it were new.
func emptied(name string) string {
	var b strings.Builder
	tables, sequences := relations()
	for _, table := range tables {
		if table != "meta" {
			fmt.Fprintf(&b, "DELETE FROM @.%s;", table)
		}
	}
	for _, sequence := range sequences {
		fmt.Fprintf(&b, "ALTER SEQUENCE @.%s RESTART;", sequence)
	}
	return qualified(b.String()+"DELETE FROM @.meta WHERE name <> 'layout'", name)
}

// run runs statements on a connection of its own.
func run(t testing.TB, url, sql string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// open opens a store on an empty schema, which is closed at the end of the test.
func (s *schemas) open(t testing.TB, cfg Config) *Store {
	t.Helper()
	cfg.Schema = s.schema(t)
	return open(t, s.url(), cfg)
}

func open(t testing.TB, url string, cfg Config) *Store {
	t.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute // machines of tests are slow
	}
	s, err := Open(t.Context(), url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
