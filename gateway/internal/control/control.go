package control

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
)

// Controller switches the tenants of one fleet. It is a [bluegreen.Gateway].
type Controller struct {
	Config
	commits *committer
}

var _ bluegreen.Gateway = (*Controller)(nil)

// New returns a controller. The configuration must have its defaults.
func New(c Config) *Controller {
	controller := &Controller{Config: c}
	if c.CheckTenant == nil {
		controller.CheckTenant = gateway.CheckTenant
	}
	controller.commits = &committer{table: c.Table, row: controller.row, confirm: controller.confirmTogether, turn: newTurn()}
	return controller
}

// row returns the row of a tenant: its own, or the default colour with revision zero. Without both
// the colour is empty.
func (c *Controller) row(rows gateway.Rows, tenant string) gateway.Row {
	if row, ok := rows[tenant]; ok {
		return row
	}
	return gateway.Row{Colour: c.Default}
}

// Current returns the colour of a tenant when every member of the fleet serves the tenant's row. A
// change that is under way is finished first. A tenant that is between two colours has moved on.
func (c *Controller) Current(ctx context.Context, tenant string) (string, error) {
	at, err := c.locate(ctx, tenant)
	if err == nil && at.weight > 0 {
		return "", c.failure(ctx, &betweenError{at})
	}
	return at.colour, err
}

// locate returns where a tenant is when every member of the fleet serves the tenant's row.
func (c *Controller) locate(ctx context.Context, tenant string) (at place, err error) {
	if err := c.CheckTenant(tenant); err != nil {
		return at, c.refused(err)
	}
	for range maxRaces {
		rows, _, err := c.Table.Load(ctx)
		if err != nil {
			return at, c.failure(ctx, &tableError{err})
		}
		row := c.row(rows, tenant)
		if row.Colour == "" {
			return at, c.failure(ctx, errNoRow)
		}
		if err = c.confirm(ctx, tenant, row, time.Now(), patiently); err == nil {
			return placeOf(row), nil
		}
		if !isSuperseded(err) {
			return at, c.failure(ctx, err)
		}
	}
	return at, c.failure(ctx, errSuperseded)
}

// maxRaces is the maximum number of tries of Current while others change the tenant.
const maxRaces = 3

// Switch implements [bluegreen.Gateway].
func (c *Controller) Switch(ctx context.Context, ch bluegreen.Change) error {
	return c.move(ctx, request{tenant: ch.TenantID, from: place{colour: ch.From}, to: place{colour: ch.To}, token: ch.Token})
}

// move carries out a request, and returns nil when every member serves its row.
func (c *Controller) move(ctx context.Context, r request) error {
	if err := c.check(r.tenant, r.to); err != nil {
		return c.refused(err)
	}
	out := c.commits.submit(ctx, r)
	if out.err != nil {
		return c.failure(ctx, out.err)
	}
	if out.confirmed {
		return nil
	}
	err := c.confirm(ctx, r.tenant, out.row, out.at, patiently)
	if err == nil {
		return nil
	}
	if out.moved && ctx.Err() == nil && !isSuperseded(err) {
		err = c.putBack(ctx, r, out.row, err)
	}
	return c.failure(ctx, err)
}

// putBack returns a tenant to where it was, as a change of its own, and err with what has become of
// that.
func (c *Controller) putBack(ctx context.Context, r request, row gateway.Row, err error) error {
	back := c.commits.submit(ctx, request{tenant: r.tenant, from: r.to, to: r.from, token: r.token, ifRev: row.Rev})
	if back.err != nil {
		return withAftermath(err, "it could not be put back: "+back.err.Error())
	}
	if !back.confirmed && c.confirm(ctx, r.tenant, back.row, back.at, leavingOut) != nil {
		return withAftermath(err, "it was put back, which is not confirmed either")
	}
	return withAftermath(err, "it was put back")
}

// Check brings every member up to date. With verify it compares what each has with the table. It
// returns a report for each member, and the error of the fleet's list or of the table.
func (c *Controller) Check(ctx context.Context, verify bool) ([]gateway.InstanceReport, error) {
	members, err := c.Members(ctx)
	if err != nil {
		return nil, err
	}
	reports := make([]gateway.InstanceReport, len(members))
	each(members, func(i int, m *Member) {
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		err := m.check(ctx, verify, c.Table)
		reports[i] = gateway.InstanceReport{Instance: m.Name, Confirmed: err == nil, Err: err}
	})
	return reports, ctx.Err()
}

// Exclusively calls f while no process that shares the table changes one proxy, and then brings the
// proxy up to date. The error is that of f, or of what comes before or after it; a
// [*gateway.SetupError] if the fleet does not list the proxy or the table is no [gateway.Locker].
func (c *Controller) Exclusively(ctx context.Context, instance string, f func(context.Context) error) error {
	locker, ok := c.Table.(gateway.Locker)
	if !ok {
		return &gateway.SetupError{Expected: "a Table that is a gateway.Locker", Found: fmt.Sprintf("a %T", c.Table)}
	}
	members, err := c.Members(ctx)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Name == instance {
			return m.exclusively(ctx, locker, f)
		}
	}
	return &gateway.SetupError{Expected: fmt.Sprintf("an instance %.64q in the fleet", instance), Found: fmt.Sprintf("%d others", len(members))}
}
