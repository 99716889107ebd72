package gateway

import (
	"context"
	"errors"
)

var (
	// ErrConflict is returned by [Table.Save] when another writer has saved the table.
	ErrConflict = errors.New("gateway: the table has another revision")
	// ErrDamaged means that a table exists and cannot be read, or has lost rows that proxies still
	// serve. It is never taken for an empty table.
	ErrDamaged = errors.New("gateway: the table is damaged")
)

// Table stores the wanted rows of a fleet: the one order of all changes, whatever process makes
// them. Proxies are made equal to it. [FileTable] is one in a file; package redistable has one in
// Redis.
//
// Implementations must be safe for concurrent use by any number of processes.
type Table interface {
	// Load returns the rows and their revision. A table that was never saved has no rows and
	// revision zero. The caller must not modify the rows.
	Load(ctx context.Context) (rows Rows, rev uint64, err error)
	// Save replaces all rows, durably, if the table still has revision ifRev, and returns the new
	// revision, which is ifRev+1. Otherwise it returns [ErrConflict]. After any other error the
	// rows may have been saved or not. The caller must not modify the rows any more.
	Save(ctx context.Context, rows Rows, ifRev uint64) (rev uint64, err error)
}

// Updater is a [Table] that can save the rows that change without the others. If a Table is one,
// gateways call Update instead of Save.
type Updater interface {
	Table
	// Update does what Save does, with a table in which the changed rows have taken the place of
	// those of the same tenants, and in which all others are as they were.
	Update(ctx context.Context, changed Rows, ifRev uint64) (rev uint64, err error)
}

// Locker is a [Table] that also lets one process at a time bring an instance up to date. Without it
// two processes can do so at the same time, and one that has loaded the table before a change can
// undo the change, for the few milliseconds until it loads the table again.
type Locker interface {
	Table
	// LockInstance waits until no other caller, of this process or another, has the lock of this
	// name, and takes it until unlock. The lock of a process that dies must end.
	LockInstance(ctx context.Context, name string) (unlock func(), err error)
}
