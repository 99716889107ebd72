// Package gatewaytest checks that a [bluegreen.Gateway] keeps what package bluegreen expects of it,
// on the real proxies that it switches:
//
//	func TestConformance(t *testing.T) {
//		gatewaytest.Run(t, gatewaytest.Suite{
//			Start:   startFleet,
//			Unknown: "green",
//		})
//	}
//
// A [Fleet] starts, kills and reloads proxies and sends them requests. What a request is answered
// is the truth: the suite believes a gateway only if the proxies agree.
//
// The suite checks: switch, switch again, switch back; a tenant without a route; a tenant that
// somebody else has moved; two tenants at once; many tenants at once; a lower token; bad input; one
// dead instance of three; an instance that joins, and one that leaves; a restart and a reload while
// tenants are switched; a change whose answer is lost; a caller that is canceled at any call that
// the gateway makes.
package gatewaytest
