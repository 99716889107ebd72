package redisconfig

import (
	"context"
	"errors"
	"strconv"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/redisack"
)

// maxRaces is the maximum number of attempts of a call while other writers keep changing the route.
const maxRaces = 3

// Current returns the colour that the tenant's clients run. If they are not known to run the
// current route, Current first finishes the switch that is under way, as the package comment says,
// which may take as long as [Gateway.Switch].
func (g *Gateway) Current(ctx context.Context, tenantID string) (string, error) {
	var last error
	for range maxRaces {
		r, err := g.read(ctx, tenantID)
		if err != nil {
			return "", err
		}
		res, err := g.confirm(ctx, r)
		if err == nil {
			return r.colour, nil
		}
		if !errors.Is(err, redisack.ErrSuperseded) && !putBack(res) {
			return "", err
		}
		last = err // another write is current now
	}
	return "", last
}

// Switch routes a tenant to c.To and returns nil when its clients run that colour.
func (g *Gateway) Switch(ctx context.Context, c bluegreen.Change) error {
	var last error
	for range maxRaces {
		r, err := g.read(ctx, c.TenantID)
		if err != nil {
			return err
		}
		switch r.colour {
		case c.To:
			last = g.stay(ctx, r, c)
		case c.From:
			last = g.move(ctx, r, c)
		default:
			return movedOn(c.TenantID, r.colour, c.From, c.To)
		}
		if errors.Is(last, redisack.ErrSuperseded) {
			return g.superseded(ctx, c, last)
		}
		if !errors.Is(last, redisack.ErrConflict) {
			return last
		}
	}
	return last
}

// Place gives a tenant its first route and waits until its clients run it. Repeating the call is
// harmless. For a tenant that is already routed to another colour the error has the code
// TENANT_MOVED_ON.
func (g *Gateway) Place(ctx context.Context, tenantID, colour string) error {
	ch, err := g.change(tenantID, colour, "PLACE")
	if err != nil {
		return err
	}
	ch.IfRev = redisack.Absent()
	if _, err := g.client.Write(ctx, ch); err != nil && !errors.Is(err, redisack.ErrConflict) {
		return unwritten(ctx, err)
	}
	found, err := g.Current(ctx, tenantID)
	if err != nil || found == colour {
		return err
	}
	return movedOn(tenantID, found, colour)
}

// move writes the new route if r is still current, and waits for the clients.
func (g *Gateway) move(ctx context.Context, r route, c bluegreen.Change) error {
	ch, err := g.change(c.TenantID, c.To, c.Key)
	if err != nil {
		return err
	}
	ch.WriteID, ch.IfRev, ch.Fence = writeID(c.Key, c.To, r.rev), redisack.Exact(r.rev), fence(c)
	res, err := g.client.Apply(ctx, ch, g.check(c.TenantID, redisack.RollbackOnFailure))
	return g.outcome(ctx, c.TenantID, res, err)
}

// stay handles a switch to the colour that r already has: it takes r over if it was written under
// another token, and waits until the clients run it.
func (g *Gateway) stay(ctx context.Context, r route, c bluegreen.Change) error {
	if r.fence != fence(c) {
		if err := g.takeOver(ctx, &r, fence(c)); err != nil {
			return err
		}
	}
	_, err := g.confirm(ctx, r)
	return err
}

// takeOver raises the fence of the route to that of this change. It writes the same content again,
// which changes nothing else. From then on a worker with an older token cannot put the route back.
func (g *Gateway) takeOver(ctx context.Context, r *route, fence string) error {
	_, err := g.client.Write(ctx, redisack.Change{
		Key: r.data, Version: r.version, Payload: r.payload, IfRev: redisack.Exact(r.rev), Fence: fence,
	})
	if err != nil {
		return unwritten(ctx, err)
	}
	r.fence = fence
	return nil
}

// confirm waits until the clients run a route. A switch is sent again unchanged: Redis recognises
// the write by its id and does not repeat it, and the route is put back if the clients do not
// confirm. The result is nil if the route was confirmed already or the input is invalid.
func (g *Gateway) confirm(ctx context.Context, r route) (*redisack.AckResult, error) {
	if r.confirmed {
		return nil, nil
	}
	var res *redisack.AckResult
	var err error
	if r.switched() {
		res, err = g.client.Apply(ctx, r.change(), g.check(r.tenantID, redisack.RollbackOnFailure))
	} else {
		res, err = g.client.Confirm(ctx, r.target(), g.check(r.tenantID, redisack.RollbackNever))
	}
	return res, g.outcome(ctx, r.tenantID, res, err)
}

// superseded returns the error of a switch whose route another write has replaced: TENANT_MOVED_ON
// if the other write moved the tenant elsewhere, otherwise cause.
func (g *Gateway) superseded(ctx context.Context, c bluegreen.Change, cause error) error {
	r, err := g.read(ctx, c.TenantID)
	if err == nil && r.colour != c.From && r.colour != c.To {
		return movedOn(c.TenantID, r.colour, c.From, c.To)
	}
	return cause
}

// change builds a write: the tenant's key, its payload and a version. The version is readable: the
// colour, and the key of the change that put the tenant there.
func (g *Gateway) change(tenantID, colour, key string) (redisack.Change, error) {
	version := colour + "@" + key
	payload, err := g.config.Encode(Route{TenantID: tenantID, Colour: colour, Version: version})
	if err != nil {
		return redisack.Change{}, executor.Fail(codeRefused, &callError{text: "the route cannot be encoded", cause: err})
	}
	return redisack.Change{Key: g.config.Key(tenantID), Version: version, Payload: payload}, nil
}

func fence(c bluegreen.Change) string { return strconv.FormatUint(uint64(c.Token), 10) }

// putBack reports whether the old route was put back and the clients have confirmed that they run
// it.
func putBack(res *redisack.AckResult) bool {
	return res != nil && res.Rollback != nil && res.Rollback.OK
}
