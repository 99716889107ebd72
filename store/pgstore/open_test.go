package pgstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/internal/pgtest"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
)

// TestOpenRefuses: what keeps a store from working is told when it is opened, by an error of a type
// of its own.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	url := s.URL("postgres", pgtest.Superuser)
	refused := func(what, url string, cfg Config, is func(error) bool) {
		t.Helper()
		if o, err := Open(t.Context(), url, cfg); !is(err) {
			t.Errorf("%s: %v", what, err)
			if err == nil {
				_ = o.Close()
			}
		}
		if err := Verify(t.Context(), url, cfg); !is(err) {
			t.Errorf("%s, Verify: %v", what, err)
		}
	}
	refused("no schema", url, Config{}, func(err error) bool {
		var e *SchemaError
		return errors.As(err, &e) && len(e.Missing) == 0 && strings.Contains(err.Error(), "Migrate")
	})
	refused("nonsense", url, Config{Schema: "a'b", Connections: -1, LockTimeout: 1}, func(err error) bool {
		var e *InvalidError
		return errors.As(err, &e) && len(e.Faults) == 3
	})
	refused("no URL", "mysql://user@host/database", Config{}, func(err error) bool {
		var e *InvalidError
		return errors.As(err, &e) && strings.Contains(err.Error(), "want postgres://")
	})
	refused("no server", "postgres://postgres@127.0.0.1:1/postgres", Config{}, store.Temporary)
	refused("no database", s.URL("none", pgtest.Superuser), Config{}, func(err error) bool {
		var e *ServerError
		return errors.As(err, &e) && e.Code == "3D000" && !store.Temporary(err)
	})

	if err := Migrate(t.Context(), url, Config{}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Migrate(t.Context(), url, Config{}), Verify(t.Context(), url, Config{})); err != nil {
		t.Fatalf("again: %v", err)
	}
	for _, version := range []string{"0", "1", "4"} {
		run(t, url, "UPDATE cutover.meta SET value = "+version+" WHERE name = 'layout'")
		is := func(err error) bool {
			var e *VersionError
			return errors.As(err, &e) && e.Known == layout && e.Found != layout && strings.Contains(err.Error(), map[string]string{"1": "another Config.Schema", "4": "a newer library"}[version])
		}
		if version == "0" {
			is = func(err error) bool { return err != nil }
		}
		refused("version "+version, url, Config{}, is)
		if err := Migrate(t.Context(), url, Config{}); err == nil {
			t.Errorf("version %s: Migrate does nothing, and says so to nobody", version)
		}
	}
	run(t, url, fmt.Sprintf("UPDATE cutover.meta SET value = %d WHERE name = 'layout'", layout-1))
	refused("the version before", url, Config{}, func(err error) bool {
		var e *VersionError
		return errors.As(err, &e) && strings.Contains(err.Error(), "call Migrate")
	})
	run(t, url, fmt.Sprintf("UPDATE cutover.meta SET value = %d WHERE name = 'layout'; DROP TABLE cutover.queue; DROP SEQUENCE cutover.stamp", layout))
	refused("lost tables", url, Config{}, func(err error) bool {
		var e *SchemaError
		return errors.As(err, &e) && slices.Equal(e.Missing, []string{"queue", "stamp"})
	})
}

// TestPreparedBehindPooler: who prepares statements behind a pooler is told to leave that.
func TestPreparedBehindPooler(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	run(t, s.URL("postgres", pgtest.Superuser), SQL(""))
	url := pgtest.StartPooler(t, s, "transaction").URL("postgres", pgtest.Superuser)
	for range 2 { // the second one finds the statements of the first one
		err := Verify(t.Context(), url, Config{Prepare: true})
		if err == nil {
			continue
		}
		var e *ServerError
		if !errors.As(err, &e) || store.Temporary(err) || !strings.Contains(err.Error(), "Config.Prepare must be off") {
			t.Errorf("with Config.Prepare: %v", err)
		}
		return
	}
	t.Error("no store has met the statements of another one")
}

// TestRights: a user with the rights that docs/postgres.md lists can do everything, and one who
// lacks some is told all of them.
func TestRights(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	url := s.URL("postgres", pgtest.Superuser)
	run(t, url, SQL("")+"CREATE ROLE app LOGIN; CREATE ROLE few LOGIN; CREATE ROLE told LOGIN")
	tables, sequences := relations()
	var e *RightsError
	if _, err := Open(t.Context(), s.URL("postgres", "app"), Config{}); !errors.As(err, &e) || e.User != "app" || len(e.Missing) != 1+len(tables)+len(sequences) {
		t.Fatalf("without any right: %v", err)
	}
	for i, right := range e.Missing { // one after the other: each is a GRANT, and is not named again
		_, err := Open(t.Context(), s.URL("postgres", "told"), Config{})
		if lacks := new(RightsError); !errors.As(err, &lacks) || !slices.Equal(lacks.Missing, e.Missing[i:]) {
			t.Fatalf("before %s is granted: %v", right, err)
		}
		run(t, url, "GRANT "+right+" TO told")
	}
	if err := Verify(t.Context(), s.URL("postgres", "told"), Config{}); err != nil {
		t.Fatalf("all that was named is granted: %v", err)
	}
	run(t, url, grants)
	o := start(t, open(t, s.URL("postgres", "app"), Config{}), 3)
	held := o.Claim("worker", 2)
	o.End(held[0], store.Complete, nil)
	if err := Migrate(t.Context(), s.URL("postgres", "app"), Config{}); err != nil {
		t.Errorf("Migrate by a user who may not, when there is nothing to do: %v", err)
	}
	run(t, url, "GRANT USAGE ON SCHEMA cutover TO few; GRANT SELECT ON ALL TABLES IN SCHEMA cutover TO few; GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA cutover TO few; "+
		"GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA cutover TO few; REVOKE DELETE ON cutover.queue FROM few; REVOKE UPDATE ON cutover.task FROM few")
	if _, err := Open(t.Context(), s.URL("postgres", "few"), Config{}); !errors.As(err, &e) || !slices.Equal(e.Missing, []string{"UPDATE ON cutover.task", "DELETE ON cutover.queue"}) {
		t.Errorf("with few rights: %v", err)
	}
	run(t, url, "REVOKE ALL ON ALL TABLES IN SCHEMA cutover FROM app")
	var answer *ServerError
	if err := o.Commit(t.Context(), sqltest.Saves(o.ID, held[1:], 1, "A", nil)); !errors.As(err, &answer) || answer.Code != "42501" || store.Temporary(err) {
		t.Errorf("a commit when the rights are gone: %v", err)
	}
}

// grants are those of docs/postgres.md.
const grants = `
GRANT USAGE ON SCHEMA cutover TO app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA cutover TO app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA cutover TO app;
`
