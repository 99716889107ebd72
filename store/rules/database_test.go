package rules_test

import (
	"cmp"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// database has the rows of a plan, as a store on SQL has them. Each step sees a copy of those that
// it is said to need, and of its windows only a few; only what it is said to have changed is
// written.
type database struct {
	rt     rapid.TB
	p      rules.Plan
	tasks  []rules.Task // by ordinal - 1
	claims []rules.ClaimRow
	log    []string
	newest task.Token
	window int
	short  bool // it reads fewer tasks of the queues than are needed, too
}

// copied returns a copy of a task that shares no memory with it.
func copied(t rules.Task) rules.Task {
	if t.More != nil {
		more := *t.More
		more.Undo = slices.Clone(more.Undo)
		t.More = &more
	}
	return t
}

// load reads what a step needs.
func (d *database) load(n rules.Need) *rules.Loaded {
	l := rules.NewLoaded(&d.p)
	put := func(ordinal uint32) {
		t := copied(d.tasks[ordinal-1])
		l.Put(ordinal, t)
		for _, c := range d.claims {
			if c.Number == t.Claim {
				l.PutClaim(c)
			}
		}
	}
	for _, ordinal := range n.Tasks {
		put(ordinal)
	}
	for _, c := range d.claims {
		if slices.Contains(n.Claims, c.ID) {
			l.PutClaim(c)
		}
	}
	for q := rules.Exempt; q <= rules.WaitingUndos; q++ {
		if n.Queues.Has(q) {
			limit := n.First
			if d.short && q <= rules.Undoing {
				limit = d.window
			}
			d.read(l, q, rules.Window{}, limit, put)
		}
	}
	if !n.Pending.Empty() {
		d.read(l, rules.Pending, n.Pending, d.window, put)
	}
	if !n.Undoable.Empty() {
		d.read(l, rules.Undoable, n.Undoable, d.window, put)
	}
	return l
}

// read puts the first tasks of a queue or window. In half of the windows it puts those that are
// passed over as well.
func (d *database) read(l *rules.Loaded, q rules.Queue, w rules.Window, limit int, put func(uint32)) {
	type row struct {
		place    [2]int64
		ordinal  uint32
		position uint32
	}
	var rows []row
	for i := range d.tasks {
		ordinal, t := uint32(i+1), &d.tasks[i]
		place, in := placeIn(&d.p, q, ordinal, t, w.From, w.Until)
		at := ordinal
		switch q {
		case rules.Pending:
			in = w.From <= ordinal && ordinal <= w.Until
		case rules.Undoable:
			at = position(&d.p, ordinal, t)
			in = w.Until <= at && at <= w.From
		case rules.Exempt, rules.Running, rules.Starting, rules.Undoing, rules.Waiting, rules.WaitingExempt, rules.WaitingUndos:
		}
		if in {
			rows = append(rows, row{place, ordinal, at})
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.place[0], b.place[0]), cmp.Compare(a.place[1], b.place[1]))
	})
	all := len(rows) <= limit
	rows = rows[:min(limit, len(rows))]
	for _, r := range rows {
		put(r.ordinal)
	}
	if len(rows) > 0 || all {
		var last uint32
		if len(rows) > 0 {
			last = rows[len(rows)-1].position
		}
		l.Known(q, last, all)
	}
}

// save writes what a step has changed.
func (d *database) save(l *rules.Loaded) {
	if err := l.Err(); err != nil {
		d.rt.Fatal(err)
	}
	for ordinal, t := range l.Tasks() {
		d.tasks[ordinal-1] = copied(*t)
	}
	for c := range l.Claims() {
		if i := slices.IndexFunc(d.claims, func(old rules.ClaimRow) bool { return old.Number == c.Number }); i >= 0 {
			d.claims[i] = *c
		} else {
			d.claims = append(d.claims, *c)
		}
		if (len(c.Held) == 0) != (c.Ended > 0) {
			d.rt.Fatalf("claim %s holds %v and ended at %d", c.ID, c.Held, c.Ended)
		}
	}
	for _, c := range d.claims {
		var held []uint32
		for i := range d.tasks {
			if d.tasks[i].Claim == c.Number {
				held = append(held, uint32(i+1))
			}
		}
		if kept := slices.Sorted(slices.Values(c.Held)); !slices.Equal(kept, held) {
			d.rt.Fatalf("claim %s holds %v, and %v say so", c.ID, kept, held)
		}
	}
}

// commit commits batches as a group.
func (d *database) commit(now rules.Stamp, batches ...*store.Batch) {
	l := d.load(rules.Needs(&d.p, batches))
	var claimed [][]uint32
	logs := 0
	for _, b := range batches {
		done := rules.Commit(&d.p, l, b, rules.Moment{Now: now, Newest: d.newest})
		claimed = append(claimed, slices.Clone(done.Claimed))
		for ; logs < len(l.Events()); logs++ {
			d.log = append(d.log, logged(l.Events()[logs]))
		}
		d.end(done)
	}
	d.save(l)
	for i, b := range batches {
		b.Claimed = nil
		for _, ordinal := range claimed[i] {
			b.Claimed = append(b.Claimed, d.export(ordinal))
		}
	}
}

func (d *database) export(ordinal uint32) (c task.Task) {
	t, worker := &d.tasks[ordinal-1], ""
	for _, c := range d.claims {
		if c.Number == t.Claim && slices.Contains(c.Held, ordinal) {
			worker = c.Worker
		}
	}
	d.p.Export(ordinal, t, worker, &c)
	return c
}

func (d *database) end(done rules.Outcome) {
	d.newest = done.Newest
	if done.AtRest {
		d.log[len(d.log)-1] += ", at rest"
	}
	if d.p.LastEvent != int64(len(d.log)) {
		d.rt.Fatalf("the last of %d events is %d", len(d.log), d.p.LastEvent)
	}
}

func (d *database) apply(now rules.Stamp, c *store.Command) error {
	l := d.load(rules.NeedsOf(&d.p, c))
	done, err := rules.Apply(&d.p, l, c, rules.Moment{Now: now, Newest: d.newest})
	d.save(l)
	if err != nil || done.Repeated {
		return err
	}
	for range done.Added {
		d.tasks = append(d.tasks, rules.NewTask(tenant(len(d.tasks)+1)))
	}
	for _, e := range c.Events {
		d.log = append(d.log, fmt.Sprint(e))
	}
	d.end(done)
	return nil
}

// snapshot returns the plan as callers see it.
func (d *database) snapshot(now rules.Stamp) plan.Plan {
	return d.p.Snapshot(d.load(rules.Needs(&d.p, nil)), now)
}
