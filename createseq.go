package cutover

import (
	"context"
	"iter"
	"sync"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// A page of an Arrangement is a call of AddTenants.
const _ = uint(store.MaxTenants - plan.MaxPage)

// inspection is the first look at the tenants of a spec. While they are checked it takes their
// digest, so that a sequence need not be ranged over once more for that.
type inspection struct {
	spec   plan.Spec
	digest *digester
	over   bool
}

// inspect begins an inspection, which ends early if the context does.
func inspect(ctx context.Context, spec plan.Spec) *inspection {
	l := &inspection{spec: spec}
	if spec.TenantSeq == nil {
		return l
	}
	l.spec.TenantSeq = func(yield func(task.Tenant) bool) {
		if l.over {
			spec.TenantSeq(yield)
			return
		}
		l.digest = newDigest(spec)
		n := 0
		for t := range spec.TenantSeq {
			if n++; n%plan.MaxPage == 0 && ctx.Err() != nil {
				return
			}
			l.digest.tenant(&t)
			if !yield(t) {
				return
			}
		}
	}
	return l
}

// end ends the inspection. The error is that of the context, if it may have ended a sequence.
func (l *inspection) end(ctx context.Context) error {
	l.over = true
	if l.spec.TenantSeq == nil {
		return nil
	}
	return ctx.Err()
}

// hash returns the digest of the spec; see digest.
func (l *inspection) hash() string {
	if l.spec.TenantSeq == nil {
		return digest(l.spec)
	}
	return l.digest.hex()
}

// sender sends pages of tenants to a function. It returns the first error, of either.
type sender func(pages iter.Seq2[[]task.Tenant, error], to func([]task.Tenant) error) error

// sendInTurn makes a page when the one before was sent.
func sendInTurn(pages iter.Seq2[[]task.Tenant, error], to func([]task.Tenant) error) error {
	for page, err := range pages {
		if err != nil {
			return err
		}
		if err := to(page); err != nil {
			return err
		}
	}
	return nil
}

// sendAhead makes pages while others are sent, by a goroutine of its own: the pages come from
// a sequence of the host's, whose panics belong to the caller. It returns when that goroutine has
// ended, also with a panic.
func sendAhead(pages iter.Seq2[[]task.Tenant, error], to func([]task.Tenant) error) (err error) {
	made, stop := make(chan []task.Tenant, pagesAhead), make(chan struct{})
	var sending sync.WaitGroup
	var refused error
	sending.Go(func() {
		for page := range made {
			if refused = to(page); refused != nil {
				close(stop)
				return
			}
		}
	})
	defer func() {
		close(made)
		sending.Wait()
		if refused != nil {
			err = refused
		}
	}()
	for page, err := range pages {
		if err != nil {
			return err
		}
		select {
		case made <- page:
		case <-stop:
			return nil // refused says why
		}
	}
	return nil
}

// pagesAhead is the number of pages that wait to be sent.
const pagesAhead = 4
