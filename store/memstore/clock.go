package memstore

import (
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// stamp is a reading of the store's clock.
type stamp = rules.Stamp

// clock is the source of times and tokens.
type clock struct {
	read   func() time.Time
	newest atomic.Uint64 // the greatest token issued
}

func (c *clock) now() stamp { return stamp(c.read().UnixNano()) }

// issued records that a step has issued tokens up to newest.
func (c *clock) issued(newest task.Token) {
	for had := c.newest.Load(); had < uint64(newest); had = c.newest.Load() {
		c.newest.CompareAndSwap(had, uint64(newest))
	}
}
