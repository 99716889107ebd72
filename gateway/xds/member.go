package xds

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/internal/control"
)

// ackTime is how long a node with a data path may take to acknowledge a revision before it is asked
// for its routes all the same: the acknowledgement may be lost, or go to another process.
const ackTime = 500 * time.Millisecond

// member is one instance of the fleet.
type member struct {
	gateway   *Gateway
	instance  Instance
	confirmed atomic.Uint64 // the greatest revision of a row that was seen
}

var _ control.Insight = (*member)(nil)

// sync implements [control.SyncFunc]: all nodes are sent the table, and this one is waited for. A
// node that is not connected here may be connected to another process, so its requests decide.
func (m *member) sync(ctx context.Context, _ control.Load, _ control.Mode) (uint64, error) {
	rev, err := m.gateway.refresh(ctx)
	if err != nil {
		return 0, err
	}
	waiting, cancel := context.WithTimeout(ctx, ackTime)
	defer cancel()
	err = m.gateway.nodes.await(waiting, m.instance.Name, rev, 0)
	if errors.Is(err, gateway.ErrSetup) || errors.Is(err, gateway.ErrDamaged) {
		return 0, err
	}
	return rev, ctx.Err()
}

// Ask implements [control.Insight]. Of an instance that cannot be asked through the data path it
// is known that it has acknowledged the row's revision some time ago.
func (m *member) Ask(ctx context.Context, tenant string) (gateway.Row, bool, error) {
	if m.instance.URL != "" {
		return gateway.Row{}, false, nil
	}
	s := m.gateway.source.snapshot()
	if s == nil {
		return gateway.Row{}, true, fmt.Errorf("%w: the table was not loaded yet", ErrNotAcknowledged)
	}
	row, ok := s.rows[tenant]
	if !ok {
		row.Colour = m.gateway.config.Default
	}
	if err := m.gateway.nodes.await(ctx, m.instance.Name, row.Rev, m.gateway.config.Settle); err != nil {
		return gateway.Row{}, true, err
	}
	m.Answered(row)
	return row, true, nil
}

// Answered implements [control.Insight].
func (m *member) Answered(row gateway.Row) {
	for {
		old := m.confirmed.Load()
		if row.Rev <= old || m.confirmed.CompareAndSwap(old, row.Rev) {
			return
		}
	}
}

// Behind implements [control.Insight].
func (m *member) Behind(want gateway.Row) error {
	_, err := m.gateway.nodes.verdict(m.instance.Name, want.Rev)
	return err
}
