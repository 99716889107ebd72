package haproxy

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/internal/disk"
)

// wantMap checks what a process would read from a file.
func wantMap(t *testing.T, path string, want gateway.Rows) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	found, err := gateway.ReadMap(file)
	if err != nil || len(found) != len(want) {
		t.Fatalf("%d rows of %d, %v", len(found), len(want), err)
	}
	for tenant, row := range want {
		if found[tenant] != row {
			t.Fatalf("%s: %v, want %v", tenant, found[tenant], row)
		}
	}
}

// TestMapFileOfManyChanges changes rows at random until the room is used up several times.
func TestMapFileOfManyChanges(t *testing.T) {
	t.Parallel()
	f := &mapFile{path: filepath.Join(t.TempDir(), "map")}
	rows, added, replaced := gateway.Rows{}, 0, 0
	for rev := range uint64(2000) {
		var changes []change
		for range 1 + rand.IntN(3) {
			tenant := fmt.Sprintf("%s-%d", strings.Repeat("t", rand.IntN(100)), rand.IntN(50))
			if row := rows[tenant]; row.Rev == rev+1 {
				continue
			}
			rows[tenant] = gateway.Row{Colour: []string{"blue", "green"}[rand.IntN(2)], Rev: rev + 1, Token: 7}
			changes = append(changes, change{tenant: tenant, value: rows[tenant].String()})
		}
		ok, err := f.add(changes)
		if err != nil {
			t.Fatal(err)
		}
		if added++; !ok {
			added--
			replaced++
			p := &proxy{}
			if err := f.replace(formatMap(rows, p.sorted(rows))); err != nil {
				t.Fatal(err)
			}
		}
		wantMap(t, f.path, rows)
	}
	if added < 1800 || replaced < 3 {
		t.Errorf("%d changes were added, the file was replaced %d times", added, replaced)
	}
}

// TestMapFileAtEveryByte checks that no prefix of the writes of a change, cut at a sector, leaves a
// row that is neither the old one nor the new one.
func TestMapFileAtEveryByte(t *testing.T) {
	t.Parallel()
	f := &mapFile{path: filepath.Join(t.TempDir(), "map")}
	old := gateway.Rows{"acme": {Colour: "green", Rev: 1, Token: 1}}
	if err := f.replace([]byte("acme " + old["acme"].String() + "\n")); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(40) {
		before, err := os.ReadFile(f.path)
		if err != nil {
			t.Fatal(err)
		}
		next := gateway.Rows{"acme": {Colour: "blue", Rev: n + 2, Token: 1}}
		if ok, err := f.add([]change{{tenant: "acme", value: next["acme"].String()}}); !ok || err != nil {
			t.Fatalf("%v, %v", ok, err)
		}
		after, err := os.ReadFile(f.path)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < room; at += sector { // a crash that leaves every sector before at as it was
			mixed := append(append([]byte{}, before[:at]...), after[at:]...)
			found, err := gateway.ReadMap(strings.NewReader(string(mixed)))
			if row := found["acme"]; err != nil || row != old["acme"] && row != next["acme"] || len(found) != 1 {
				t.Fatalf("cut at %d: %v, %v", at, found, err)
			}
		}
		old = next
	}
}

func TestMapFileOfSomebodyElse(t *testing.T) {
	t.Parallel()
	changes := []change{{tenant: "acme", value: "blue|1|1"}}
	for name, edit := range map[string]func(path string) error{
		"written by others": func(path string) error { return os.WriteFile(path, []byte("beta blue|1|1\n"), 0o600) },
		"replaced":          func(path string) error { return gateway.ReplaceFile(path, make([]byte, room)) },
		"removed":           os.Remove,
	} {
		f := &mapFile{path: filepath.Join(t.TempDir(), "map")}
		if err := f.replace(nil); err != nil {
			t.Fatal(err)
		}
		if err := edit(f.path); err != nil {
			t.Fatal(err)
		}
		if ok, err := f.add(changes); ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
}

// TestMapFileOfAStoppedWriter has a process that was stopped while it wrote to the file, and has
// lost its lock of the table: its rows must not be mixed with others.
func TestMapFileOfAStoppedWriter(t *testing.T) {
	t.Parallel()
	f := &mapFile{path: filepath.Join(t.TempDir(), "map")}
	if err := f.replace(nil); err != nil {
		t.Fatal(err)
	}
	stopped, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stopped.Close() }()
	if locked, err := disk.TryLock(stopped); !locked || err != nil {
		t.Fatal(locked, err)
	}
	if ok, err := f.add([]change{{tenant: "acme", value: "blue|1|1"}}); ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	if err := f.replace([]byte("acme blue|1|1\n")); err != nil {
		t.Fatal(err)
	}
	if ok, err := f.add([]change{{tenant: "acme", value: "blue|2|1"}}); !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
}

// TestMapFileWithoutChanges is of a table that has another revision and the same rows, as after
// Table.Recover of package redistable.
func TestMapFileWithoutChanges(t *testing.T) {
	t.Parallel()
	f := &mapFile{path: filepath.Join(t.TempDir(), "map")}
	p := &proxy{instance: Instance{MapFile: f.path}}
	rows := gateway.Rows{"acme": {Colour: "blue", Rev: 1, Token: 1}}
	for _, small := range []bool{false, true, true} {
		if err := p.store(t.Context(), rows, nil, small); err != nil {
			t.Fatal(err)
		}
		wantMap(t, f.path, rows)
	}
}
