// Package canarytest provides weights and a health service over HTTP, in memory, for tests and
// examples of canary. A [World] holds the tenants, serves both services, and can inject the faults
// of a network. [World.Transport] answers without a network, also in a synctest bubble.
//
//	world := canarytest.NewWorld(canarytest.Tenant{ID: "acme", Weight: 0})
//	config := canary.HTTPConfig{Transport: world.Transport()}
//	weights, err := canary.NewHTTPWeights("http://weights.test", config)
//	health, err := canary.NewHTTPHealth("http://health.test", config)
//	world.Report("acme", canary.Report{Verdict: canary.Failed, Reason: "too many errors"})
//
// A World is as strict as a good service: it refuses a change whose fencing token is lower than the
// greatest that it has seen for the tenant (409), and a change if the weight is neither its "from"
// nor its target (412). A change can also take effect late, after its caller received 504: see
// [Late].
package canarytest
