package redistable

import (
	"context"
	"crypto/rand"
	_ "embed" // for the scripts
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/gateway"
)

//nolint:gochecknoglobals // they are constants
var (
	//go:embed scripts/follow.lua
	followSource string
	//go:embed scripts/scan.lua
	scanSource string
	//go:embed scripts/expect.lua
	expect string
	//go:embed scripts/update.lua
	updateRest string
	//go:embed scripts/replace.lua
	replaceRest string
	//go:embed scripts/unlock.lua
	unlockSource string

	updateSource, replaceSource = expect + updateRest, expect + replaceRest

	follow, scan  = redis.NewScript(followSource), redis.NewScript(scanSource)
	update, swap  = redis.NewScript(updateSource), redis.NewScript(replaceSource)
	prolongOrFree = redis.NewScript(unlockSource)

	sources = map[string]string{ // by the scripts' hashes
		follow.Hash(): followSource, scan.Hash(): scanSource, update.Hash(): updateSource, swap.Hash(): replaceSource, prolongOrFree.Hash(): unlockSource,
	}
)

// Table is a [gateway.Table] in Redis. It is safe for concurrent use and has nothing to close.
type Table struct {
	rdb  redis.UniversalClient
	name string
	// lockLife is how long a lock outlasts the process that has it.
	lockLife time.Duration

	mu    sync.Mutex
	known snapshot // as it was last read or saved
}

var (
	_ gateway.Updater = (*Table)(nil)
	_ gateway.Locker  = (*Table)(nil)
)

// snapshot is a table at one revision. The zero value is that of a table that was never saved.
type snapshot struct {
	rows gateway.Rows
	rev  uint64
	id   string // of the save; no two tables with different histories have the same
}

// maxName bounds a table's name, in bytes.
const maxName = 128

// New returns the table of this name: its keys are {NAME}:head and others with the same beginning.
// It contacts no server. Faults are a *[gateway.InvalidError].
//
// The client may retry commands. All processes of a fleet of proxies need the same name.
func New(rdb redis.UniversalClient, name string) (*Table, error) {
	var faults []string
	if rdb == nil {
		faults = append(faults, "the client is missing")
	}
	if name == "" || len(name) > maxName || strings.ContainsAny(name, "{} \t\r\n") {
		faults = append(faults, fmt.Sprintf("the name %.40q has %d bytes; it has to have 1 to %d, and no braces or blanks", name, len(name), maxName))
	}
	if len(faults) > 0 {
		return nil, &gateway.InvalidError{Faults: faults}
	}
	return &Table{rdb: rdb, name: name, lockLife: defaultLockLife}, nil
}

func (t *Table) key(kind string) string { return "{" + t.name + "}:" + kind }

func (t *Table) keys() []string { return []string{t.key("head"), t.key("rows"), t.key("log")} }

// Load implements [gateway.Table]. It is one round trip; rows that this process has are not sent
// again.
func (t *Table) Load(ctx context.Context) (gateway.Rows, uint64, error) {
	s, err := t.load(ctx)
	if err != nil {
		return nil, 0, err
	}
	if s.rows == nil {
		return gateway.Rows{}, 0, nil
	}
	return s.rows, s.rev, nil
}

// staged is the number of rows from which on a change is sent ahead, as a table of its own: a
// script holds up all other clients of Redis.
const staged = 2000

// Update implements [gateway.Updater].
func (t *Table) Update(ctx context.Context, changed gateway.Rows, ifRev uint64) (uint64, error) {
	base, err := t.at(ctx, ifRev)
	if err != nil {
		return 0, err
	}
	rows := make(gateway.Rows, len(base.rows)+len(changed))
	maps.Copy(rows, base.rows)
	maps.Copy(rows, changed)
	next := snapshot{rows: rows, rev: ifRev + 1, id: rand.Text()}
	if len(changed) > staged {
		return t.replace(ctx, base, next)
	}
	args := append(make([]any, 0, 6+2*len(changed)), base.rev, base.id, next.rev, next.id, len(rows), logs(changed))
	for tenant, row := range changed {
		args = append(args, tenant, row.String())
	}
	return t.saved(base, next, t.run(ctx, update, t.keys(), args...))
}

// maxLogged is the number of rows from which on a change is not kept in the log: those who are
// behind read the whole table.
const maxLogged = 200

func logs(changed gateway.Rows) int {
	if len(changed) > maxLogged {
		return 0
	}
	return 1
}

// Save implements [gateway.Table].
func (t *Table) Save(ctx context.Context, rows gateway.Rows, ifRev uint64) (uint64, error) {
	base, err := t.at(ctx, ifRev)
	if err != nil {
		return 0, err
	}
	return t.replace(ctx, base, snapshot{rows: rows, rev: ifRev + 1, id: rand.Text()})
}

// at returns the table at a revision, or an error if it has another one.
func (t *Table) at(ctx context.Context, rev uint64) (snapshot, error) {
	s := t.snapshot()
	if s.rev == rev {
		return s, nil
	}
	s, err := t.load(ctx)
	if err == nil && s.rev != rev {
		err = conflict(rev, s.rev)
	}
	return s, err
}

// Recover makes a table usable again that went back because Redis lost changes or was restored from
// a copy. It saves the rows of the table, those that this process has seen, and those that proxies
// serve, of each tenant the one with the greatest revision, under a revision above all of these.
// [gateway.ReadMap] reads the map file of a proxy. Other processes have to be started again if they
// go on reporting that the table went back.
func (t *Table) Recover(ctx context.Context, live ...gateway.Rows) (rev uint64, err error) {
	seen := t.snapshot()
	current, err := t.look(ctx, 0)
	if err != nil {
		return 0, err
	}
	now, ok, err := t.readAll(ctx, current)
	if err == nil && !ok {
		err = fmt.Errorf("%w: others are saving it", gateway.ErrConflict)
	}
	if err != nil {
		return 0, err
	}
	next := snapshot{rows: gateway.Rows{}, rev: max(now.rev, seen.rev), id: rand.Text()}
	for _, rows := range append(live, seen.rows, now.rows) {
		for tenant, row := range rows {
			if old, ok := next.rows[tenant]; !ok || old.Rev < row.Rev {
				next.rows[tenant] = row
			}
			next.rev = max(next.rev, row.Rev)
		}
	}
	next.rev++
	return t.replace(ctx, now, next)
}

func (t *Table) snapshot() snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known
}
