package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/gateway"
)

func TestFileTable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "table")
	one, other := gateway.NewFileTable(path), gateway.NewFileTable(path)
	wantTable(t, one, gateway.Rows{}, 0)
	rows := gateway.Rows{"acme": {Colour: "blue", Rev: 1, Token: 7}, "beta.example": {Colour: "green", Rev: 1, Token: 9}}
	if rev, err := one.Save(t.Context(), rows, 0); rev != 1 || err != nil {
		t.Fatalf("%d, %v", rev, err)
	}
	wantTable(t, one, rows, 1)
	wantTable(t, other, rows, 1)
	if _, err := other.Save(t.Context(), gateway.Rows{}, 0); !errors.Is(err, gateway.ErrConflict) {
		t.Errorf("saved over another revision: %v", err)
	}
	if rev, err := other.Save(t.Context(), gateway.Rows{}, 1); rev != 2 || err != nil {
		t.Fatalf("%d, %v", rev, err)
	}
	wantTable(t, one, gateway.Rows{}, 2)
	if names, err := filepath.Glob(path + "*"); err != nil || len(names) != 2 {
		t.Errorf("left behind: %v, %v", names, err)
	}
}

func wantTable(t *testing.T, table gateway.Table, rows gateway.Rows, rev uint64) {
	t.Helper()
	gotRows, gotRev, err := table.Load(t.Context())
	if err != nil || gotRev != rev || !reflect.DeepEqual(gotRows, rows) {
		t.Errorf("loaded %v, %d, %v; want %v, %d", gotRows, gotRev, err, rows, rev)
	}
}

// TestFileTableLosesNoChange lets writers that know nothing of each other add one row each, again
// and again until their revision is the current one.
func TestFileTableLosesNoChange(t *testing.T) {
	t.Parallel()
	const writers = 16
	path := filepath.Join(t.TempDir(), "table")
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			table := gateway.NewFileTable(path)
			for {
				old, rev, err := table.Load(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				rows := maps.Clone(old)
				rows[fmt.Sprint("tenant-", i)] = gateway.Row{Colour: "blue", Rev: rev + 1}
				if _, err = table.Save(t.Context(), rows, rev); err == nil {
					return
				}
				if !errors.Is(err, gateway.ErrConflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	rows, rev, err := gateway.NewFileTable(path).Load(t.Context())
	if err != nil || rev != writers || len(rows) != writers {
		t.Errorf("%d rows, revision %d, %v", len(rows), rev, err)
	}
}

func TestFileTableRefusesDamage(t *testing.T) {
	t.Parallel()
	const head = "# cutover table 1 revision 3 rows 1\n"
	for name, content := range map[string]string{
		"empty":            "",
		"no first line":    "acme blue|1|1\n",
		"half a line":      "# cutover table 1 revi",
		"no revision":      "# cutover table 1 revision 0 rows 0\n",
		"too few rows":     head,
		"too many rows":    head + "acme blue|1|1\nbeta blue|1|1\n",
		"a row twice":      "# cutover table 1 revision 3 rows 2\nacme blue|1|1\nacme blue|1|1\n",
		"cut off":          head + "acme blue|1",
		"another value":    head + "acme blue\n",
		"another key":      head + "Acme blue|1|1\n",
		"from the future":  head + "acme blue|4|1\n",
		"a number in full": head + "acme blue|01|1\n",
	} {
		path := filepath.Join(t.TempDir(), "table")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		table := gateway.NewFileTable(path)
		if rows, _, err := table.Load(t.Context()); !errors.Is(err, gateway.ErrDamaged) {
			t.Errorf("%s: read as %v, %v", name, rows, err)
		}
		if _, err := table.Save(t.Context(), gateway.Rows{}, 0); !errors.Is(err, gateway.ErrDamaged) {
			t.Errorf("%s: overwritten: %v", name, err)
		}
		if left, err := os.ReadFile(path); err != nil || string(left) != content {
			t.Errorf("%s: the file is now %q, %v", name, left, err)
		}
	}
}

func TestFileTableEndsWithItsContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "table")
	unlock, err := gateway.NewFileTable(path).Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := gateway.NewFileTable(path).Save(ctx, gateway.Rows{}, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another process has the lock: %v", err)
	}
}

func TestFileTableWithoutDirectory(t *testing.T) {
	t.Parallel()
	table := gateway.NewFileTable(filepath.Join(t.TempDir(), "missing", "table"))
	wantTable(t, table, gateway.Rows{}, 0)
	if _, err := table.Save(t.Context(), gateway.Rows{}, 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
