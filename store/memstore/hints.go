package memstore

import (
	"context"

	"github.com/cutover-go/cutover/store"
)

// Listen implements store.Agenda.
func (s *Store) Listen(ctx context.Context, hint func(store.Hint)) error {
	return s.hints.Listen(ctx, hint)
}
