package redistable_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/redistable"
	"github.com/cutover-go/cutover/internal/redistest"
)

// behind returns a client of a server behind a proxy.
func behind(t *testing.T, server *redistest.Server, tries int) (*redistest.Proxy, *redis.Client) {
	t.Helper()
	proxy := redistest.NewProxy(t, server.Addr())
	o := server.Options()
	o.Addr, o.MaxRetries = proxy.Addr(), tries
	rdb := redis.NewClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	return proxy, rdb
}

// TestLostAnswer loses the answer to a save that has taken effect: a client that sends the save
// again is told that it was saved, one that does not finds it by the next Load.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 3000} {
		server := redistest.Start(t)
		proxy, rdb := behind(t, server, 3)
		table, rows := newTable(t, rdb), gateway.Rows{}
		update(t, table, rows, 1, "acme")
		proxy.DropReplyTo("{" + name + "}:log")
		update(t, table, rows, 2, many(size)...)
		if proxy.Dropped() != 1 {
			t.Fatal("no answer was lost")
		}
		wantTable(t, newTable(t, server.Client()), rows, 2)
		wantTable(t, table, rows, 2)

		proxy, rdb = behind(t, server, -1)
		table = newTable(t, rdb)
		wantTable(t, table, rows, 2)
		proxy.DropReplyTo("{" + name + "}:log")
		changed := gateway.Rows{}
		for _, tenant := range many(size) {
			changed[tenant] = gateway.Row{Colour: "green", Rev: 3, Token: 8}
		}
		if rev, err := table.Update(t.Context(), changed, 2); err == nil || errors.Is(err, gateway.ErrConflict) || errors.Is(err, gateway.ErrDamaged) {
			t.Errorf("%d, %v", rev, err)
		}
		maps.Copy(rows, changed)
		wantTable(t, table, rows, 3)
		if _, err := table.Update(t.Context(), changed, 2); !errors.Is(err, gateway.ErrConflict) {
			t.Errorf("saved twice: %v", err)
		}
	}
}

func TestServerThatIsDeadOrSilent(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	table, rows := newTable(t, server.Client()), gateway.Rows{}
	update(t, table, rows, 1, "acme")
	calls := map[string]func(context.Context) error{
		"load":   func(ctx context.Context) error { _, _, err := table.Load(ctx); return err },
		"save":   func(ctx context.Context) error { _, err := table.Save(ctx, rows, 1); return err },
		"update": func(ctx context.Context) error { _, err := table.Update(ctx, gateway.Rows{}, 1); return err },
		"lock":   func(ctx context.Context) error { _, err := table.LockInstance(ctx, "lb-1"); return err },
	}
	server.Freeze()
	for what, call := range calls {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		began := time.Now()
		if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, gateway.ErrDamaged) {
			t.Errorf("%s of a silent server: %v", what, err)
		}
		if took := time.Since(began); took > 2500*time.Millisecond { // less than the client's read timeout
			t.Errorf("%s of a silent server took %v", what, took)
		}
		cancel()
	}
	server.Kill()
	for what, call := range calls {
		if err := call(t.Context()); err == nil || errors.Is(err, gateway.ErrDamaged) || errors.Is(err, gateway.ErrConflict) {
			t.Errorf("%s of a dead server: %v", what, err)
		}
	}
}

// wantDamaged checks that a table is neither read nor written, and that the error says why.
func wantDamaged(t *testing.T, table *redistable.Table, rev uint64, part string) {
	t.Helper()
	if rows, rev, err := table.Load(t.Context()); !errors.Is(err, gateway.ErrDamaged) || !strings.Contains(err.Error(), part) {
		t.Errorf("read as %.100v, %d, %v; want %q", rows, rev, err, part)
	}
	_, err := table.Update(t.Context(), gateway.Rows{"beta": {Colour: "blue", Rev: rev + 1}}, rev)
	if !errors.Is(err, gateway.ErrDamaged) && !errors.Is(err, gateway.ErrConflict) { // by then it may be beyond rev
		t.Errorf("%s: updated: %v", part, err)
	}
}

// TestDamage takes away and replaces each key of a table. Nothing is changed by what follows.
func TestDamage(t *testing.T) {
	t.Parallel()
	const head, rowsKey, log = "{" + name + "}:head", "{" + name + "}:rows", "{" + name + "}:log"
	for what, c := range map[string]struct {
		harm func(context.Context, *redis.Client) error
		part string
	}{
		"no head":         {func(ctx context.Context, r *redis.Client) error { return r.Del(ctx, head).Err() }, "2 rows and should have 0"},
		"no rows":         {func(ctx context.Context, r *redis.Client) error { return r.Del(ctx, rowsKey).Err() }, "0 rows and should have 2"},
		"a row less":      {func(ctx context.Context, r *redis.Client) error { return r.HDel(ctx, rowsKey, "acme").Err() }, "1 rows and should have 2"},
		"no log":          {func(ctx context.Context, r *redis.Client) error { return r.Del(ctx, log).Err() }, "its log ends at revision 0"},
		"head is a text":  {func(ctx context.Context, r *redis.Client) error { return r.Set(ctx, head, "x", 0).Err() }, "another type"},
		"rows are a text": {func(ctx context.Context, r *redis.Client) error { return r.Set(ctx, rowsKey, "x", 0).Err() }, "another type"},
		"log is a list": {func(ctx context.Context, r *redis.Client) error {
			return errors.Join(r.Del(ctx, log).Err(), r.LPush(ctx, log, "x").Err())
		}, "another type"},
		"another revision": {func(ctx context.Context, r *redis.Client) error { return r.HSet(ctx, head, "rev", 9).Err() }, "its log ends at revision 2"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			rdb := redistest.Mini(t)
			table, rows := newTable(t, rdb), gateway.Rows{}
			update(t, table, rows, 1, "acme", "beta")
			update(t, table, rows, 2, "acme")
			if err := c.harm(t.Context(), rdb); err != nil {
				t.Fatal(err)
			}
			before := dump(t, rdb)
			wantDamaged(t, table, 2, c.part)
			wantDamaged(t, newTable(t, rdb), 2, c.part)
			if after := dump(t, rdb); !maps.Equal(before, after) {
				t.Errorf("changed from %v to %v", before, after)
			}
		})
	}
}

// dump returns all keys that are hashes or texts, and their values.
func dump(t *testing.T, rdb redis.UniversalClient) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, key := range rdb.Keys(t.Context(), "*").Val() {
		all[key] = rdb.Type(t.Context(), key).Val()
		for field, value := range rdb.HGetAll(t.Context(), key).Val() {
			all[key+" "+field] = value
		}
	}
	return all
}

func TestRowThatCannotBeRead(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	table, rows := newTable(t, rdb), gateway.Rows{}
	update(t, table, rows, 1, append(many(300), "acme")...) // too many for the log
	rdb.HSet(t.Context(), "{"+name+"}:rows", "acme", "10.0.0.1")
	wantTable(t, table, rows, 1) // has the row
	if _, _, err := newTable(t, rdb).Load(t.Context()); !errors.Is(err, gateway.ErrDamaged) || !strings.Contains(err.Error(), "10.0.0.1") {
		t.Errorf("%v", err)
	}
}

func TestServerIsFull(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory-policy", "noeviction")
	rdb := server.Client()
	table, rows := newTable(t, rdb), gateway.Rows{}
	update(t, table, rows, 1, "acme")
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	before := dump(t, rdb)
	for _, size := range []int{1, 3000} {
		changed := gateway.Rows{}
		for _, tenant := range many(size) {
			changed[tenant] = gateway.Row{Colour: "blue", Rev: 2}
		}
		if _, err := table.Update(t.Context(), changed, 1); err == nil || !strings.Contains(err.Error(), "OOM") || errors.Is(err, gateway.ErrDamaged) {
			t.Errorf("%v", err)
		}
	}
	if after := dump(t, rdb); !maps.Equal(before, after) {
		t.Errorf("changed from %v to %v", before, after)
	}
	wantTable(t, table, rows, 1)
	wantTable(t, newTable(t, rdb), rows, 1)
}

// TestRestoredFromACopy restarts Redis with an older copy of its data.
func TestRestoredFromACopy(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rdb := server.Client()
	one, rows := newTable(t, rdb), gateway.Rows{}
	update(t, one, rows, 1, "acme", "beta")
	copied := maps.Clone(rows)
	if err := rdb.Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(server.Dir(), "dump.rdb")); err != nil {
		t.Fatal(err)
	}
	update(t, one, rows, 2, "beta")
	update(t, one, rows, 3, "acme", "gamma")
	two := newTable(t, rdb) // has seen the same, but writes nothing
	wantTable(t, two, rows, 3)
	server.Restart()
	wantDamaged(t, one, 3, "went back from revision 3 to 1")
	wantDamaged(t, one, 1, "went back from revision 3 to 1")

	late := newTable(t, rdb) // a process that was started afterwards
	wantTable(t, late, copied, 1)
	for rev := uint64(2); rev < 6; rev++ {
		if rev == 4 {
			wantDamaged(t, one, 3, "is not the one that was here before")
		}
		update(t, late, copied, rev, "delta")
	}
	wantDamaged(t, one, 3, "is not the one that was here before")
	for rev := uint64(6); rev < 300; rev++ {
		update(t, late, copied, rev, "delta")
	}
	wantDamaged(t, one, 3, "went back from revision") // the log no longer tells

	live := gateway.Rows{"epsilon": {Colour: "blue", Rev: 700, Token: 3}, "beta": {Colour: "green", Rev: 1}}
	if rev, err := two.Recover(t.Context(), live); rev != 701 || err != nil {
		t.Fatalf("%d, %v", rev, err)
	}
	rows["epsilon"], rows["delta"] = live["epsilon"], copied["delta"]
	for _, table := range []*redistable.Table{one, two, late, newTable(t, rdb)} {
		wantTable(t, table, rows, 701)
	}
	update(t, late, rows, 702, "acme")
	wantTable(t, one, rows, 702)
}
