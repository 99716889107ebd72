package redistable

import "time"

// SetLockLife changes how long locks live. It is called before any other method.
func (t *Table) SetLockLife(d time.Duration) { t.lockLife = d }
