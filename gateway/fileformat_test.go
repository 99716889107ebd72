package gateway_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cutover-go/cutover/gateway"
)

// update adds one row to a table, and to rows.
func update(t *testing.T, table *gateway.FileTable, rows gateway.Rows, tenant string, rev uint64) {
	t.Helper()
	row := gateway.Row{Colour: "blue", Rev: rev, Token: 7}
	if got, err := table.Update(t.Context(), gateway.Rows{tenant: row}, rev-1); got != rev || err != nil {
		t.Fatalf("update to %d: %d, %v", rev, got, err)
	}
	rows[tenant] = row
}

// TestFileTableAppendsChanges reads by three tables: one that writes, one that has read some of the
// changes, and one that has read none.
func TestFileTableAppendsChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "table")
	one, other := gateway.NewFileTable(path), gateway.NewFileTable(path)
	rows := gateway.Rows{}
	var sizes []int
	anew := 0
	const changes, rowsEach = 100, 40
	for rev := uint64(1); rev <= changes; rev++ {
		writer := one
		if rev%7 == 0 {
			writer = other
		}
		changed := gateway.Rows{}
		for i := range rowsEach {
			changed[fmt.Sprintf("tenant-%0100d-%d", i, rev%10)] = gateway.Row{Colour: "blue", Rev: rev}
		}
		maps.Copy(rows, changed)
		if got, err := writer.Update(t.Context(), changed, rev-1); got != rev || err != nil {
			t.Fatalf("update to %d: %d, %v", rev, got, err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(sizes); n > 0 && len(content) < sizes[n-1] {
			anew++
		}
		if sizes = append(sizes, len(content)); rev%10 < 4 {
			wantTable(t, one, rows, rev)
			wantTable(t, other, rows, rev)
			wantTable(t, gateway.NewFileTable(path), rows, rev)
		}
	}
	if anew < 4 || anew > 12 {
		t.Errorf("%d changes wrote the table anew %d times", changes, anew)
	}
	if _, err := one.Update(t.Context(), gateway.Rows{}, changes-1); !errors.Is(err, gateway.ErrConflict) {
		t.Errorf("updated another revision: %v", err)
	}
}

// changedTable returns the content of a file with three changes, and the states of the table.
func changedTable(t *testing.T, path string) (content []byte, states []gateway.Rows, lengths []int) {
	t.Helper()
	table := gateway.NewFileTable(path)
	rows := gateway.Rows{}
	for rev := uint64(1); rev <= 4; rev++ {
		update(t, table, rows, fmt.Sprint("tenant-", rev), rev)
		var err error
		if content, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		states, lengths = append(states, maps.Clone(rows)), append(lengths, len(content))
	}
	return content, states, lengths
}

// TestFileTableAfterACrash cuts the file at each byte of the changes: the complete ones count, also
// for the next change.
func TestFileTableAfterACrash(t *testing.T) {
	t.Parallel()
	content, states, lengths := changedTable(t, filepath.Join(t.TempDir(), "table"))
	path := filepath.Join(t.TempDir(), "cut")
	for cut := lengths[0]; cut <= len(content); cut++ {
		complete := 0
		for complete+1 < len(lengths) && lengths[complete+1] <= cut {
			complete++
		}
		for _, end := range [][]byte{nil, make([]byte, len(content)-cut)} { // cut off, or zeros
			if err := os.WriteFile(path, append(bytes.Clone(content[:cut]), end...), 0o600); err != nil {
				t.Fatal(err)
			}
			rev := uint64(complete + 1)
			wantTable(t, gateway.NewFileTable(path), states[complete], rev)
			if cut%6 != 0 && cut < len(content) {
				continue // the disk takes its time for what follows
			}
			rows := maps.Clone(states[complete])
			table := gateway.NewFileTable(path)
			update(t, table, rows, "next", rev+1)
			update(t, table, rows, "after", rev+2)
			wantTable(t, gateway.NewFileTable(path), rows, rev+2)
		}
	}
}

// TestFileTableRefusesDamagedChanges changes each byte of all changes but the last.
func TestFileTableRefusesDamagedChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "table")
	content, _, lengths := changedTable(t, path)
	for i := lengths[0]; i < lengths[2]; i++ {
		damaged := bytes.Clone(content)
		damaged[i] ^= 1
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if rows, rev, err := gateway.NewFileTable(path).Load(t.Context()); !errors.Is(err, gateway.ErrDamaged) {
			t.Fatalf("byte %d: read as %v, %d, %v", i, rows, rev, err)
		}
	}
	for name, text := range map[string]string{
		"a row": string(content) + "acme blue|1|1\n", "a change again": string(content) + string(content[lengths[2]:]),
		"changes in another order": string(content[:lengths[0]]) + string(content[lengths[1]:]),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		rows, rev, err := gateway.NewFileTable(path).Load(t.Context())
		if name == "a change again" && err == nil && rev == 4 {
			continue // as if its writer had crashed: it is not the next one
		}
		if !errors.Is(err, gateway.ErrDamaged) {
			t.Errorf("%s: read as %v, %d, %v", name, rows, rev, err)
		}
	}
}

// TestFileTableThatWentBack puts an older copy in the place of a table that was read.
func TestFileTableThatWentBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "table")
	content, states, lengths := changedTable(t, path)
	table := gateway.NewFileTable(path)
	wantTable(t, table, states[3], 4)
	for _, length := range []int{lengths[2], lengths[0], 0} {
		if err := os.WriteFile(path, content[:length], 0o600); err != nil {
			t.Fatal(err)
		}
		if length == 0 {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		if rows, rev, err := table.Load(t.Context()); !errors.Is(err, gateway.ErrDamaged) || !strings.Contains(err.Error(), "went back from revision 4") {
			t.Errorf("read as %v, %d, %v", rows, rev, err)
		}
		if _, err := table.Update(t.Context(), gateway.Rows{}, 4); !errors.Is(err, gateway.ErrDamaged) {
			t.Errorf("updated: %v", err)
		}
	}
	// An older copy that others have changed until it is as long as the table that was read.
	if err := os.WriteFile(path, content[:lengths[2]], 0o600); err != nil {
		t.Fatal(err)
	}
	rows := maps.Clone(states[2])
	update(t, gateway.NewFileTable(path), rows, "tenant-5", 4)
	wantTable(t, table, rows, 4)
}

// TestFileTableLosesNoUpdate lets writers that know nothing of each other add rows, and a reader
// see that no revision is lower than the one before.
func TestFileTableLosesNoUpdate(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 10
	path := filepath.Join(t.TempDir(), "table")
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			table := gateway.NewFileTable(path)
			for n := 0; n < each; {
				_, rev, err := table.Load(t.Context())
				if err == nil {
					_, err = table.Update(t.Context(), gateway.Rows{fmt.Sprint("tenant-", i, "-", n): {Colour: "blue", Rev: rev + 1}}, rev)
				}
				switch {
				case err == nil:
					n++
				case !errors.Is(err, gateway.ErrConflict):
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	rows, rev, err := gateway.NewFileTable(path).Load(t.Context())
	if err != nil || rev != writers*each || len(rows) != writers*each {
		t.Errorf("%d rows, revision %d, %v", len(rows), rev, err)
	}
}
