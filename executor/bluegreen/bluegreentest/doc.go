// Package bluegreentest is a tenant service and a gateway over HTTP, in memory, for
// tests and examples of bluegreen. A [World] has tenants, serves both from
// handlers, and can be told to fail in the ways that networks do.
//
//	world := bluegreentest.NewWorld(
//		bluegreentest.Tenant{ID: "acme", Status: "GREEN", Colour: "green"})
//	gateway := httptest.NewServer(world.Gateway())
//	tenants := httptest.NewServer(world.Tenants())
//	world.Inject("acme", bluegreentest.Switch, bluegreentest.TimeOut, 1)
//
// It is strict where a good service is: a change under an older fencing token than
// the greatest that the service, gateway or tenant service, has seen for the tenant
// is refused (409), and so is one whose "from" is not so (412). A change can also
// arrive late, after its caller was told 504: see [Late].
package bluegreentest
