package sqlitestore

import (
	"path/filepath"
	"testing"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

// TestLinearizable: what clients see at once they could have seen one after the other.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "plans.db"), Config{})
	storetest.Linearizable(t, 30, func(int) store.Store { return s }, nil)
}
