package haproxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/gateway"
)

// Tenants with long names: a row of either may end in another sector than it begins in.
const (
	acme = "acme-acme-acme-acme-acme-acme-acme-acme-acme-acme-acme-acme-"
	beta = "beta-beta-beta-beta-beta-beta-beta-beta-beta-beta-beta-beta-beta-beta-"
)

// TestMapFileReadMeanwhile reads the room as a process does that is held up at any byte, while
// changes are written: what it has read is of before, the rest of later.
func TestMapFileReadMeanwhile(t *testing.T) {
	t.Parallel()
	f := &mapFile{path: filepath.Join(t.TempDir(), "map")}
	if err := f.replace([]byte(acme + " green|1|1\n" + beta + " green|1|1\n")); err != nil {
		t.Fatal(err)
	}
	states := []string{readFile(t, f.path)}
	for rev := uint64(2); rev < 9; rev++ {
		row := gateway.Row{Colour: "blue", Rev: rev, Token: 1}
		changes := []change{{tenant: acme, value: row.String()}, {tenant: beta, value: row.String()}}
		starts, text := place([]byte(states[len(states)-1][:room]), changes)
		written := []byte(states[len(states)-1]) // and not yet rows
		copy(written[starts[len(starts)-1]:], text)
		if ok, err := f.add(changes); !ok || err != nil {
			t.Fatal(ok, err)
		}
		states = append(states, string(written), readFile(t, f.path))
	}
	for i, before := range states {
		for _, after := range states[i : i+min(4, len(states)-i)] {
			for at := room - 4*sector; at < room; at++ {
				wantRowsOf(t, before[room-4*sector:at]+after[at:])
			}
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func wantRowsOf(t *testing.T, content string) {
	t.Helper()
	rows, err := gateway.ReadMap(strings.NewReader(gateway.MapFirstCounts + "\n" + content))
	if err != nil || len(rows) != 2 || rows[acme].Colour == "" || rows[beta].Colour == "" {
		t.Fatalf("rows %v, %v", rows, err)
	}
}

// TestMapWithSeveralRowsIsLater compares a map that HAProxy has read from a file with changes, so
// that a tenant has several entries, with a table that was restored from a copy.
func TestMapWithSeveralRowsIsLater(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadString('\n')
			_, _ = io.WriteString(conn, "0x1 acme blue|9|1\n0x2 acme blue|8|1\n0x3 acme green|7|1\n\n")
			_ = conn.Close()
		}
	}()
	live := liveMap{newRuntime(socket), "routes.map"}
	entries, err := live.entries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for rev, want := range map[uint64]error{7: gateway.ErrDamaged, 9: nil, 10: nil} {
		rows := gateway.Rows{"acme": {Colour: "blue", Rev: rev, Token: 1}}
		if changes, err := compare(entries, rows, rev, live.name); !errors.Is(err, want) || want == nil && len(changes) != 1 {
			t.Errorf("table at %d: %v, %v; want %v", rev, changes, err, want)
		}
	}
}

// TestTableThatWentBackAndOn is a table that was restored from a copy and changed by another
// process, up to a later revision than the one that this process has seen.
func TestTableThatWentBackAndOn(t *testing.T) {
	t.Parallel()
	known := gateway.Rows{"acme": {Colour: "blue", Rev: 9, Token: 1}}
	now := gateway.Rows{"acme": {Colour: "green", Rev: 7, Token: 1}, "beta": {Colour: "blue", Rev: 10, Token: 1}}
	if changes, err := differences(known, now, 10, "routes.map"); !errors.Is(err, gateway.ErrDamaged) {
		t.Errorf("%v, %v", changes, err)
	}
}
