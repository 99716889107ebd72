package redisstore

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// add adds tenants to the plan, some of them in several calls that are sent again; or it begins to,
// and gives the addition up.
func (d *duel) add() {
	n, token := pick(d, 1, 3, 64, 70), uint64(d.named)+1
	a := plan.Adding{Token: token, Tenants: n, TTL: time.Minute}
	marked := d.changes(func(p plan.Plan) (plan.Decision, error) { return a.Mark(p, d.by()) })
	if !marked {
		return
	}
	list := make([]task.Tenant, n)
	for i := range list {
		list[i] = task.Tenant{ID: fmt.Sprintf("added %d %d%s", token, i, strings.Repeat("y", i%3*126))}
		if d.rand.Intn(3) == 0 {
			list[i].Labels = map[string]string{"added": "yes"}
		}
	}
	stored := d.rand.Intn(n + 1)
	if d.rand.Intn(2) == 0 {
		stored = n
	}
	for _, part := range [][2]int{{0, stored / 2}, {0, stored}, {stored / 3, stored}} {
		d.both(func(k int, s store.Store) error {
			return s.AppendTenants(d.Context(), d.ids[k], token, d.tasks+1+part[0], list[part[0]:part[1]])
		})
	}
	d.appended(token, stored)
	d.compare()
	if stored == n && d.rand.Intn(4) > 0 && d.changes(func(p plan.Plan) (plan.Decision, error) { return a.Complete(p, d.by()) }) {
		d.tasks += n
		d.compare()
		return
	}
	d.changes(func(p plan.Plan) (plan.Decision, error) { return a.GiveUp(p, d.by()), nil })
	d.both(func(k int, s store.Store) error {
		if err := s.AppendTenants(d.Context(), d.ids[k], token, d.tasks+1, list[:1]); !errors.Is(err, store.ErrConflict) {
			d.Errorf("appended to an addition that was given up: %v", err)
		}
		return nil
	})
	d.appended(token, stored)
	d.changes(func(p plan.Plan) (plan.Decision, error) { return a.Drop(p, 0, d.by()), nil })
	d.appended(token, stored)
	d.compare()
}

// appended checks which tenants of an addition are stored.
func (d *duel) appended(token uint64, n int) {
	d.Helper()
	d.both(func(k int, s store.Store) error {
		got, err := s.Appended(d.Context(), d.ids[k], d.tasks, 0)
		if len(got) != n || n > 0 && !strings.HasPrefix(got[n-1], fmt.Sprintf("added %d %d", token, n-1)) {
			d.Errorf("store %d: %d tenants are stored, want %d: %.60q", k, len(got), n, got)
		}
		return err
	})
}

// changes commits the same decision to both stores, and reports whether there was one.
func (d *duel) changes(f func(plan.Plan) (plan.Decision, error)) (changed bool) {
	d.Helper()
	d.decide(func(p plan.Plan, _ []task.Task) (plan.Decision, error) {
		c, err := f(p)
		changed = err == nil && c.Changed
		return c, err
	})
	return changed
}
