package haproxy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/internal/control"
)

// proxy keeps one HAProxy equal to the table. Its methods are not called concurrently.
type proxy struct {
	instance Instance
	live     liveMap
	colours  []string
	push     func(context.Context, Instance, []byte) error // nil if file is to be written
	file     mapFile
	// unseen means that the map file on this machine has to be looked at before it is replaced.
	unseen bool

	// What the last synchronisation found and left behind; none of it holds for another process.
	process process
	rows    gateway.Rows
	stored  uint64 // the revision of the map file

	tenants []string // of the last map, sorted
}

// change is one entry of the map that differs from the table.
type change struct {
	tenant, value string
	add           bool
}

// maxTries is the maximum number of tries while HAProxy is being restarted or others write.
const maxTries = 4

var errUnstable = errors.New("HAProxy was restarted, or its map changed by others, again and again")

// sync implements [control.SyncFunc]: the map file first, then the map in memory. A process that is
// another one afterwards may have read the file before the change, so everything is done again.
func (p *proxy) sync(ctx context.Context, load control.Load, how control.Mode) (reached uint64, err error) {
	last := errUnstable
	for range maxTries {
		rev, again, err := p.try(ctx, load, how)
		var unexpected *answerError
		switch {
		case errors.As(err, &unexpected), !how.Alone && errors.Is(err, gateway.ErrDamaged):
			last = err // another process may have changed the map in the meantime
		case err != nil:
			return 0, err
		case !again:
			return rev, nil
		default:
			reached = max(reached, rev)
		}
		how.Verify = true
	}
	if reached > 0 { // others keep changing the table, and bring their changes here themselves
		return reached, nil
	}
	return 0, last
}

// try makes the instance equal to the table once. again means that the table or the instance has
// changed in the meantime; rev is then zero if the instance has lost what it was given.
func (p *proxy) try(ctx context.Context, load control.Load, how control.Mode) (rev uint64, again bool, err error) {
	before, err := p.live.process(ctx)
	if err != nil {
		return 0, false, err
	}
	rows, rev, err := load(ctx)
	if err != nil {
		return 0, false, err
	}
	after, changed, err := p.bring(ctx, before, rows, rev, how)
	if err != nil {
		return 0, false, err
	}
	if after != before {
		return 0, true, nil
	}
	p.process, p.rows = after, rows
	if changed && !how.Alone { // older rows than those of another process may have been written
		_, now, err := load(ctx)
		return rev, now != rev, err
	}
	return rev, false, nil
}

// bring makes file and map equal to rows. It returns the process that answers after that; changed
// reports whether the map was changed.
func (p *proxy) bring(ctx context.Context, now process, rows gateway.Rows, rev uint64, how control.Mode) (after process, changed bool, err error) {
	verify := how.Verify
	if now != p.process {
		verify = true
		if err := p.checkBackends(ctx); err != nil {
			return now, false, err
		}
	}
	known := p.rows
	p.rows = nil // unknown until all is done
	var changes []change
	if verify || known == nil {
		entries, err := p.live.entries(ctx)
		if err != nil {
			return now, false, err
		}
		if changes, err = compare(entries, rows, rev, p.live.name); err != nil {
			return now, false, err
		}
	} else if changes, err = differences(known, rows, rev, p.live.name); err != nil {
		return now, false, err
	}
	if p.unseen {
		if err := checkFile(p.instance.MapFile, rows, rev); err != nil {
			return now, false, err
		}
		p.unseen = false
	}
	if verify || p.stored != rev {
		if err := p.store(ctx, rows, changes, how.Alone && !verify && known != nil); err != nil {
			return now, false, fmt.Errorf("writing the map file: %w", err)
		}
		p.stored = rev
	}
	if cheap(changes, len(rows)) {
		after, err = p.live.update(ctx, changes)
		return after, len(changes) > 0, err
	}
	if err := p.replace(ctx, rows, rev); err != nil {
		return now, true, err
	}
	after, err = p.live.process(ctx)
	return after, true, err
}

// store makes the map file equal to rows. inPlace means that the file has them already, except for
// the changes, and that no other process writes to it, so that they may be written into it.
func (p *proxy) store(ctx context.Context, rows gateway.Rows, changes []change, inPlace bool) error {
	if p.push != nil {
		return p.push(ctx, p.instance, formatMap(rows, p.sorted(rows)))
	}
	if p.instance.MapFile == "" {
		return &gateway.SetupError{Expected: "a MapFile of instance " + p.instance.Name + ", or Config.Push", Found: "neither"}
	}
	p.file.path = p.instance.MapFile
	if inPlace {
		if added, err := p.file.add(changes); added || err != nil {
			return err
		}
	}
	return p.file.replace(formatMap(rows, p.sorted(rows)))
}

// replace replaces the whole map, and reads it back.
func (p *proxy) replace(ctx context.Context, rows gateway.Rows, rev uint64) error {
	if err := p.live.replace(ctx, rows, p.sorted(rows)); err != nil {
		return err
	}
	entries, err := p.live.entries(ctx)
	if err != nil {
		return err
	}
	left, err := compare(entries, rows, rev, p.live.name)
	if err == nil && len(left) > 0 {
		err = &answerError{"commit map", fmt.Sprintf("a map of %d entries in which %d differ from the table", len(entries), len(left))}
	}
	return err
}

// cheap reports whether single changes hold up HAProxy's traffic for less than about 5 ms. Setting
// an entry walks the map, which takes 0.03 ms per 1,000 entries; adding one does not.
func cheap(changes []change, size int) bool {
	walks := 0
	for _, c := range changes {
		if !c.add {
			walks++
		}
	}
	return walks*(size+1000) <= 150_000 && len(changes) <= maxAdded
}

// maxAdded is the number of changes from which on a new map is quicker.
const maxAdded = 1000

// differences returns the changes from one revision of the table to another. A row that has a lower
// revision than before is refused: the table was replaced by an older one.
func differences(from, to gateway.Rows, rev uint64, name string) (changes []change, err error) {
	for tenant, row := range to {
		old, ok := from[tenant]
		if ok && old.Rev > row.Rev {
			return nil, wentBack(name, tenant, old, row, rev)
		}
		if !ok || old != row {
			changes = append(changes, change{tenant, row.String(), !ok})
		}
	}
	return changes, nil
}

// wentBack returns the error for a table with an older row than a map has.
func wentBack(name, tenant string, live, row gateway.Row, rev uint64) error {
	return fmt.Errorf("%w: map %s has revision %d of %s, the table %d, and the table is at %d",
		gateway.ErrDamaged, name, live.Rev, tenant, row.Rev, rev)
}

// compare returns the changes that make a map equal to rows. An entry that the table does not have,
// or has only with a lower revision, is refused: either it is somebody else's, or the table is
// lost.
func compare(entries map[string]string, rows gateway.Rows, rev uint64, name string) (changes []change, err error) {
	for _, tenant := range slices.Sorted(maps.Keys(entries)) {
		value := entries[tenant]
		row, ok := rows[tenant]
		if !ok {
			return nil, &gateway.SetupError{
				Expected: fmt.Sprintf("in map %s only tenants of the table (%d, at revision %d)", name, len(rows), rev),
				Found:    fmt.Sprintf("the entry %.64q with the value %.64q", tenant, value),
			}
		}
		first, _, _ := strings.Cut(value, differing)
		if live, err := gateway.ParseRow(first); err == nil && live.Rev > row.Rev {
			return nil, wentBack(name, tenant, live, row, rev)
		}
		if value != row.String() {
			changes = append(changes, change{tenant: tenant, value: row.String()})
		}
	}
	for tenant, row := range rows {
		if _, ok := entries[tenant]; !ok {
			changes = append(changes, change{tenant, row.String(), true})
		}
	}
	return changes, nil
}

// checkBackends returns an error if a colour is no backend: use_backend then silently takes the
// default one.
func (p *proxy) checkBackends(ctx context.Context) error {
	backends, err := p.live.backends(ctx)
	if err != nil {
		return err
	}
	for _, colour := range p.colours {
		if !backends[colour] {
			return &gateway.SetupError{
				Expected: "a backend " + colour,
				Found:    "the backends " + strings.Join(slices.Sorted(maps.Keys(backends)), ", "),
			}
		}
	}
	return nil
}

// sorted returns the tenants of a table in order. They are mostly those of the one before.
func (p *proxy) sorted(rows gateway.Rows) []string {
	missing := func(tenant string) bool { _, ok := rows[tenant]; return !ok }
	if len(p.tenants) != len(rows) || slices.ContainsFunc(p.tenants, missing) {
		p.tenants = slices.Sorted(maps.Keys(rows))
	}
	return p.tenants
}

// formatMap returns a map file with the rows of all tenants.
func formatMap(rows gateway.Rows, tenants []string) []byte {
	var text []byte
	for _, tenant := range tenants {
		text = append(append(text, tenant...), ' ')
		text = append(rows[tenant].AppendTo(text), '\n')
	}
	return text
}
