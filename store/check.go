package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/task"
)

// ErrInvalid is the error for a call that can never succeed as it stands, for example because an id
// is missing, a limit is exceeded, or an edit makes no sense. The store has changed nothing.
var ErrInvalid = errors.New("store: invalid call")

// MaxID is the maximum length in bytes of the id of a [Command] or a [Claim], and of the mark of a
// [Create].
const MaxID = 64

// The checks here are the same for every store. They are exported for stores outside this module;
// an engine does not need them.

// Check returns nil, or an error that matches [ErrInvalid].
func (b *Batch) Check() error {
	if n := len(b.Changes); n > MaxBatch {
		return CheckCount("changes", n, MaxBatch)
	}
	for i := range b.Changes {
		if err := b.Changes[i].check(); err != nil {
			return err
		}
	}
	if b.Claim.Max == 0 {
		return nil
	}
	if err := CheckCount("tasks claimed", b.Claim.Max, MaxBatch); err != nil {
		return err
	}
	if b.Claim.Worker == "" {
		return fmt.Errorf("%w: a claim for nobody", ErrInvalid)
	}
	if len(b.Claim.Pending) > 0 && !b.Claim.Chosen {
		return fmt.Errorf("%w: a claim names pending tasks and is not Chosen", ErrInvalid)
	}
	if slices.ContainsFunc(b.Claim.Pending, func(ordinal int) bool { return ordinal < 1 }) {
		return fmt.Errorf("%w: a claim of a pending task without an ordinal", ErrInvalid)
	}
	return cmp.Or(CheckCount("pending tasks", len(b.Claim.Pending), MaxBatch), checkID("id", b.Claim.ID))
}

// check returns an error that matches [ErrInvalid] if no store can carry out the change.
func (w *Change) check() error {
	if w.Elapsed < 0 {
		return fmt.Errorf("%w: task %s has run for %s", ErrInvalid, w.Task, w.Elapsed)
	}
	if len(w.Attempts) > 0 && w.Failure == nil {
		return fmt.Errorf("%w: task %s is given attempts without a failure", ErrInvalid, w.Task)
	}
	if err := CheckCount("attempts", len(w.Attempts), task.MaxAttempts); err != nil {
		return err
	}
	if w.Kind != Defer {
		return nil
	}
	if w.After < 0 || w.After > MaxWait {
		return fmt.Errorf("%w: task %s is deferred for %s", ErrInvalid, w.Task, w.After)
	}
	switch w.Wait {
	case task.WaitHold, task.WaitProving, task.WaitPlace:
		return nil
	case task.WaitBackoff:
		if w.Failure != nil {
			return nil
		}
	case task.NoWait:
	}
	return fmt.Errorf("%w: task %s is deferred for the reason %s, or without its failure", ErrInvalid, w.Task, w.Wait)
}

// Check returns nil, or an error that matches [ErrInvalid] and names every fault.
func (c *Create) Check() error {
	return errors.Join(checkID("mark", c.Mark), CheckCount("tasks", c.Plan.TaskCount, task.MaxPerPlan))
}

// Check returns nil, an error that matches [ErrInvalid] or, if the plan cannot have a task that is
// edited, an error that matches [ErrNotFound].
func (c *Command) Check() error {
	if err := checkID("id", c.ID); err != nil {
		return err
	}
	if err := CheckCount("edits", len(c.Edits), MaxBatch); err != nil {
		return err
	}
	seen := make(map[task.ID]struct{}, len(c.Edits))
	for i := range c.Edits {
		e := &c.Edits[i]
		if _, twice := seen[e.ID]; twice {
			return fmt.Errorf("%w: two edits of task %s", ErrInvalid, e.ID)
		}
		seen[e.ID] = struct{}{}
		if int(e.State) >= task.NumStates || e.Attempt < 0 || e.Losses < 0 {
			return fmt.Errorf("%w: no task can be as the edit of %s has it", ErrInvalid, e.ID)
		}
		if err := CheckCount("attempts", len(e.Attempts), task.MaxAttempts); err != nil {
			return err
		}
		if !e.ID.Valid() || e.ID.Plan() != c.Plan.ID {
			return fmt.Errorf("%w: task %s in plan %s", ErrNotFound, e.ID, c.Plan.ID)
		}
	}
	return nil
}

// CheckCount returns an error that matches [ErrInvalid] unless n is from 0 to limit.
func CheckCount(what string, n, limit int) error {
	if n < 0 || n > limit {
		return fmt.Errorf("%w: %d %s, the limit is %d", ErrInvalid, n, what, limit)
	}
	return nil
}

func checkID(what, id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%w: no %s", ErrInvalid, what)
	case len(id) > MaxID:
		return fmt.Errorf("%w: the %s has %d bytes, the limit is %d", ErrInvalid, what, len(id), MaxID)
	}
	return nil
}
