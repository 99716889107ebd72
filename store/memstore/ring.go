package memstore

import (
	"slices"

	"github.com/cutover-go/cutover/store"
)

// ring remembers the ids of the last commands.
type ring struct {
	ids  []string
	next int
}

func (r *ring) has(id string) bool { return slices.Contains(r.ids, id) }

func (r *ring) add(id string) {
	if len(r.ids) < store.KeptCommands {
		r.ids = append(r.ids, id)
		return
	}
	r.ids[r.next] = id
	r.next = (r.next + 1) % store.KeptCommands
}
