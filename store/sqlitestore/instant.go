package sqlitestore

import (
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/rules"
)

// now reads the clock of what is stored.
func (s *Store) now() rules.Stamp { return instant.Stamp(s.cfg.clock().UnixMicro()) }
