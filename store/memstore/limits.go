package memstore

import (
	"errors"
	"fmt"

	"github.com/cutover-go/cutover/store"
)

// maxID is the most bytes of the id of a command or a claim.
const maxID = 64

// checkID names what is wrong with the id of a command or a claim.
func checkID(id string) error {
	switch {
	case id == "":
		return errors.New("memstore: no id")
	case len(id) > maxID:
		return fmt.Errorf("memstore: an id of %d bytes, the limit is %d", len(id), maxID)
	}
	return nil
}

// checkCount refuses calls that are too large.
func checkCount(what string, n, limit int) error {
	if n < 0 || n > limit {
		return fmt.Errorf("memstore: %d %s in one call, the limit is %d", n, what, limit)
	}
	return nil
}

func checkBatch(b *store.Batch) error {
	if err := checkCount("changes", len(b.Works), store.MaxBatch); err != nil {
		return err
	}
	if b.Claim.Max == 0 {
		return nil
	}
	if err := checkCount("tasks claimed", b.Claim.Max, store.MaxBatch); err != nil {
		return err
	}
	if b.Claim.Worker == "" {
		return errors.New("memstore: a claim for nobody")
	}
	return checkID(b.Claim.ID)
}
