package xds

import (
	"context"
	"fmt"
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/internal/control"
)

// Gateway is a control plane, and switches tenants on the proxies that connect to it. It is a
// [bluegreen.Gateway], is safe for concurrent use and has nothing to close.
type Gateway struct {
	config  Config
	control *control.Controller
	builder *builder
	source  *source
	nodes   *nodes
	service *service
	turn    chan struct{} // held while the table is loaded and published
}

var _ bluegreen.Gateway = (*Gateway)(nil)

// New returns a gateway, or a *[gateway.InvalidError] that lists every fault. It serves nothing
// before [Gateway.Register].
func New(c Config) (*Gateway, error) {
	common, faults := c.setDefaults()
	if len(faults) > 0 {
		return nil, &gateway.InvalidError{Faults: faults}
	}
	g := &Gateway{config: c, source: newSource(), nodes: newNodes(c.RouteConfig), turn: make(chan struct{}, 1)}
	builder, err := newBuilder(&g.config)
	if err != nil {
		return nil, &gateway.InvalidError{Faults: []string{err.Error()}}
	}
	g.builder = builder
	g.service = newService(g.source, g.nodes, g.refresh, c.Logger)
	fleet := control.NewFleet(c.Fleet, func(i Instance) string { return i.Name }, func(i Instance) *control.Member {
		m := &member{gateway: g, instance: i}
		joined := control.NewMember(i.Name, i.URL, m.sync)
		joined.Insight = m
		return joined
	})
	common.Members = fleet.Members
	common.Table = unlocked(c.Table)
	g.control = control.New(common)
	return g, nil
}

// Register makes a gRPC server serve the nodes, by the aggregated discovery service. It must be
// called before the server serves. The host chooses address and credentials; streams last as long
// as the server, so it should have keep-alive pings to notice nodes that are gone.
func (g *Gateway) Register(server grpc.ServiceRegistrar) {
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, g.service)
}

// Current returns the tenant's colour when every instance serves the tenant's route. If one does
// not, for instance because an earlier call was interrupted, Current first sends it the table.
func (g *Gateway) Current(ctx context.Context, tenantID string) (string, error) {
	return g.control.Current(ctx, tenantID)
}

// Switch routes a tenant to c.To and returns nil when every instance serves that route.
func (g *Gateway) Switch(ctx context.Context, c bluegreen.Change) error {
	return g.control.Switch(ctx, c)
}

// Weights returns weights for executor/canary: 0 percent are all requests of a tenant at stable,
// 100 all at other, and a weight is set when every instance serves it. Which requests they are is
// the matter of Config.Bucket. An unknown colour is a *[gateway.InvalidError].
func (g *Gateway) Weights(stable, other string) (canary.Weights, error) {
	return g.control.Weights(stable, other)
}

// Nodes returns what this process knows of the instances of the fleet, in its order, and then of
// other nodes that are connected. The error is that of the fleet's list.
func (g *Gateway) Nodes(ctx context.Context) ([]NodeState, error) {
	members, err := g.control.Members(ctx)
	if err != nil {
		return nil, err
	}
	var states []NodeState
	for _, joined := range members {
		state := g.nodes.state(joined.Name)
		state.Listed = true
		if m, ok := joined.Insight.(*member); ok {
			state.Confirmed = m.confirmed.Load()
		}
		states = append(states, state)
	}
	for _, name := range g.nodes.connected() {
		if !slices.ContainsFunc(states, func(s NodeState) bool { return s.Node == name }) {
			states = append(states, g.nodes.state(name))
		}
	}
	return states, nil
}

// Run sends changes of the table by other processes to the nodes of this one, every
// Config.Interval, until ctx ends, and then returns nil. One process alone needs no Run: a node
// that connects is sent the table in any case.
func (g *Gateway) Run(ctx context.Context) error {
	faulty := false
	for {
		_, err := g.refresh(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !faulty {
			g.config.Logger.Warn("xds: the table cannot be sent", zap.Error(err))
		} else if err == nil && faulty {
			g.config.Logger.Info("xds: the table can be sent again")
		}
		faulty = err != nil
		if control.Pause(ctx, g.config.Interval) != nil {
			return nil
		}
	}
}

// unlocked returns a table that is no [gateway.Locker]: a node is sent revisions by one process, in
// their order, and needs no lock.
func unlocked(table gateway.Table) gateway.Table {
	if updater, ok := table.(gateway.Updater); ok {
		return struct{ gateway.Updater }{updater}
	}
	return struct{ gateway.Table }{table}
}

// refresh loads the table and sends it to all nodes, if it has changed. It returns the revision. A
// table that has gone back is not sent: somebody has lost it.
func (g *Gateway) refresh(ctx context.Context) (uint64, error) {
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-g.turn }()
	rows, rev, err := g.config.Table.Load(ctx)
	if err != nil {
		return 0, fmt.Errorf("the table: %w", err)
	}
	current := g.source.snapshot()
	if current != nil && rev < current.rev {
		return 0, fmt.Errorf("%w: revision %d was sent to the nodes, and the table is at %d", gateway.ErrDamaged, current.rev, rev)
	}
	if current == nil || rev > current.rev {
		s, err := g.builder.build(rows, rev)
		if err != nil {
			return 0, err
		}
		g.nodes.change(func() { g.nodes.published = rev })
		g.source.publish(s)
	}
	return rev, nil
}
