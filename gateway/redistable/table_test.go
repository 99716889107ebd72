package redistable_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/redistable"
	"github.com/cutover-go/cutover/internal/redistest"
)

const name = "acme:routes"

// newTable returns a table as a process sees it that has read nothing yet.
func newTable(t testing.TB, rdb redis.UniversalClient) *redistable.Table {
	t.Helper()
	table, err := redistable.New(rdb, name)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func wantTable(t *testing.T, table *redistable.Table, rows gateway.Rows, rev uint64) {
	t.Helper()
	gotRows, gotRev, err := table.Load(t.Context())
	if err != nil || gotRev != rev || len(gotRows) != len(rows) || !reflect.DeepEqual(gotRows, rows) {
		t.Errorf("loaded %.300v, %d, %v; want %.300v, %d", gotRows, gotRev, err, rows, rev)
	}
}

// update changes rows of a table that has revision rev-1, and of rows.
func update(t *testing.T, table *redistable.Table, rows gateway.Rows, rev uint64, tenants ...string) {
	t.Helper()
	changed := gateway.Rows{}
	for _, tenant := range tenants {
		changed[tenant] = gateway.Row{Colour: "blue", Rev: rev, Token: 7}
	}
	maps.Copy(rows, changed)
	if got, err := table.Update(t.Context(), changed, rev-1); got != rev || err != nil {
		t.Fatalf("update to %d: %d, %v", rev, got, err)
	}
}

func many(n int) []string {
	tenants := make([]string, n)
	for i := range tenants {
		tenants[i] = fmt.Sprint("tenant-", i)
	}
	return tenants
}

// everywhere runs a test on an imitation of Redis, on a server and on a cluster.
func everywhere(t *testing.T, test func(*testing.T, redis.UniversalClient)) {
	t.Helper()
	for kind, start := range map[string]func(testing.TB) redis.UniversalClient{
		"mini":    func(t testing.TB) redis.UniversalClient { t.Helper(); return redistest.Mini(t) },
		"server":  func(t testing.TB) redis.UniversalClient { t.Helper(); return redistest.Start(t).Client() },
		"cluster": func(t testing.TB) redis.UniversalClient { t.Helper(); return redistest.StartCluster(t, 3, 0).Client() },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

// TestTable follows a table by three others: one that also writes, one that looks after each
// change, and new ones, which read all of it.
func TestTable(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, rdb redis.UniversalClient) {
		t.Helper()
		one, other, seldom := newTable(t, rdb), newTable(t, rdb), newTable(t, rdb)
		rows := gateway.Rows{}
		wantTable(t, one, rows, 0)
		wantTable(t, other, rows, 0)
		update(t, one, rows, 1, "acme")
		wantTable(t, one, rows, 1)
		wantTable(t, other, rows, 1)
		wantTable(t, seldom, rows, 1)
		if _, err := seldom.Update(t.Context(), gateway.Rows{}, 0); !errors.Is(err, gateway.ErrConflict) {
			t.Errorf("updated another revision: %v", err)
		}
		update(t, other, rows, 2, "acme", "beta.example")
		update(t, other, rows, 3)                // no row
		update(t, other, rows, 4, many(100)...)  // one script
		update(t, other, rows, 5, many(1000)...) // not in the log
		update(t, other, rows, 6, many(6000)...) // sent ahead
		update(t, one, rows, 7, "acme")          // has to read the table before
		for _, table := range []*redistable.Table{one, other, newTable(t, rdb)} {
			wantTable(t, table, rows, 7)
		}
		for rev := uint64(8); rev < 300; rev++ {
			update(t, other, rows, rev, fmt.Sprint("tenant-", rev%7))
		}
		wantTable(t, one, rows, 299)
		wantTable(t, seldom, rows, 299) // is behind by more than the log has
		few := gateway.Rows{"acme": {Colour: "green", Rev: 300, Token: 9}}
		if rev, err := one.Save(t.Context(), few, 299); rev != 300 || err != nil {
			t.Fatalf("%d, %v", rev, err)
		}
		for _, table := range []*redistable.Table{one, other, newTable(t, rdb)} {
			wantTable(t, table, few, 300)
		}
		if _, err := other.Save(t.Context(), rows, 299); !errors.Is(err, gateway.ErrConflict) {
			t.Errorf("saved over another revision: %v", err)
		}
		if rev, err := one.Save(t.Context(), gateway.Rows{}, 300); rev != 301 || err != nil {
			t.Fatalf("%d, %v", rev, err)
		}
		wantTable(t, other, gateway.Rows{}, 301)
		wantTable(t, newTable(t, rdb), gateway.Rows{}, 301)
	})
}

// TestNothingIsLeftBehind checks which keys there are after saves of all kinds, and that those of
// refused saves go away.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	table, other, rows := newTable(t, rdb), newTable(t, rdb), gateway.Rows{}
	update(t, table, rows, 1, many(3000)...)
	wantTable(t, other, rows, 1)
	update(t, table, rows, 2, "acme")
	if _, err := other.Save(t.Context(), rows, 1); !errors.Is(err, gateway.ErrConflict) {
		t.Fatal(err)
	}
	keys := rdb.Keys(t.Context(), "*").Val()
	if len(keys) != 3 {
		t.Errorf("%v", keys)
	}
	for _, key := range keys {
		if life := rdb.PTTL(t.Context(), key).Val(); life >= 0 {
			t.Errorf("%s lives for %v", key, life)
		}
	}
}

// TestHugeTable has 100,000 rows; 20,000 with -short.
func TestHugeTable(t *testing.T) {
	t.Parallel()
	size := 100_000
	if testing.Short() {
		size = 20_000
	}
	rdb := redistest.Start(t).Client()
	one, other := newTable(t, rdb), newTable(t, rdb)
	rows := gateway.Rows{}
	update(t, one, rows, 1, many(size)...)
	wantTable(t, other, rows, 1)
	if err := rdb.Do(t.Context(), "CONFIG", "RESETSTAT").Err(); err != nil {
		t.Fatal(err)
	}
	for rev := uint64(2); rev < 30; rev++ {
		update(t, one, rows, rev, "acme")
		wantTable(t, other, rows, rev)
	}
	// A change costs what it changes, not what the table has.
	for line := range strings.SplitSeq(rdb.Info(t.Context(), "stats").Val(), "\r\n") {
		var bytes int
		if n, _ := fmt.Sscanf(line, "total_net_output_bytes:%d", &bytes); n == 1 && bytes > 100_000 {
			t.Errorf("28 changes of one row of %d: Redis sent %d bytes", size, bytes)
		}
	}
}

// TestReadersSeeWholeTables reads tables that are changed and replaced all the time. All rows of a
// revision have the same token.
func TestReadersSeeWholeTables(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	const saves = 40
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer close(done)
		writer := newTable(t, rdb)
		for rev := uint64(1); rev <= saves; rev++ {
			rows := gateway.Rows{}
			for _, tenant := range many(1500 + 1500*int(rev%2)) {
				rows[tenant] = gateway.Row{Colour: "blue", Rev: rev}
			}
			if _, err := writer.Save(t.Context(), rows, rev-1); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 4 {
		all.Go(func() {
			for last := uint64(0); ; {
				rows, rev, err := newTable(t, rdb).Load(t.Context())
				if err != nil && strings.Contains(err.Error(), "replaced again and again") {
					continue
				}
				if err != nil || rev < last {
					t.Errorf("revision %d after %d, %v", rev, last, err)
					return
				}
				for tenant, row := range rows {
					if row.Rev != rev {
						t.Errorf("revision %d has %s at %v", rev, tenant, row)
						return
					}
				}
				last = rev
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	all.Wait()
}

func TestNewNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := redistable.New(nil, "a{b}")
	var invalid *gateway.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Faults) != 2 || !strings.Contains(err.Error(), "client") || !strings.Contains(err.Error(), "a{b}") {
		t.Errorf("%v", err)
	}
}
