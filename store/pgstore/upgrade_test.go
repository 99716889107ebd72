package pgstore

import (
	"errors"
	"testing"

	"github.com/cutover-go/cutover/internal/pgtest"
	"github.com/cutover-go/cutover/store"
)

// TestUpgrade: Migrate changes the tables of the version before, plans go on, and a process of that
// version can change nothing any more.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.URL("postgres", pgtest.Superuser)
	run(t, url, SQL(""))
	o := start(t, open(t, url, Config{}), 3)
	held := o.Claim("worker", 2)
	o.OK(o.Close())
	run(t, url, qualified(`ALTER TABLE @.facts DROP COLUMN revision; ALTER TABLE @.facts RENAME COLUMN stored TO appended;
		CREATE OR REPLACE VIEW @.events AS SELECT plan, seq, now() AS at, ordinal, '' AS tenant, '' AS before, '' AS after, '' AS cause, attempt,
		'' AS actor, '' AS reason, '' AS failure, at_rest FROM @.event;
		UPDATE @.meta SET value = 2 WHERE name = 'layout'`, DefaultSchema))
	var old *VersionError
	if _, err := Open(o.Ctx, url, Config{}); !errors.As(err, &old) || old.Found != 2 {
		t.Fatalf("before: %v", err)
	}
	for range 2 {
		o.OK(Migrate(o.Ctx, url, Config{}))
	}
	run(t, url, qualified(`DO $$ BEGIN
		UPDATE @.facts SET pending = 0, appended = 0;
		RAISE EXCEPTION 'the version before still writes';
	EXCEPTION WHEN undefined_column THEN NULL; END $$`, DefaultSchema))
	o.Store = open(t, url, Config{})
	for _, w := range append(held, o.Claim("worker", 1)...) {
		o.End(w, store.Complete, nil)
	}
	o.checkEvents(3)
	run(t, url, qualified(`DO $$ BEGIN ASSERT (SELECT count(*) FROM @.events WHERE after = 'COMPLETED') = 3, 'the view before'; END $$`, DefaultSchema))
}
