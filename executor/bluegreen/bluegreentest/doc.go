// Package bluegreentest provides a tenant service and a gateway over HTTP, in memory, for tests and
// examples of bluegreen. A [World] holds the tenants, serves the tenant service and the gateway
// from HTTP handlers, and can inject the faults of a network.
//
//	world := bluegreentest.NewWorld(
//		bluegreentest.Tenant{ID: "acme", Status: "GREEN", Colour: "green"})
//	gateway := httptest.NewServer(world.Gateway())
//	tenants := httptest.NewServer(world.Tenants())
//	world.Inject("acme", bluegreentest.Switch, bluegreentest.TimeOut, 1)
//
// A World is as strict as a good service: it refuses a change whose fencing token is lower than the
// greatest that the same service (gateway or tenant service) has seen for the tenant (409), and a
// change if the current value is neither its "from" nor its target (412). A change can also take
// effect late, after its caller received 504: see [Late].
package bluegreentest
