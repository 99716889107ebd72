package renewal

import "time"

// Hooks let a host observe a service, for metrics. They are called one at a time on a separate
// goroutine. Figures that arrive while a hook runs are added up, so a slow hook gets fewer and
// larger reports and delays no renewal. A lag that began and ended while a hook ran is not
// reported.
//
// The service recovers a panic in a hook or a callback, and logs it with its stack.
type Hooks struct {
	// OnBatch gets the outcomes since its last call, in a separate call for each policy and node.
	OnBatch func(Batch)
	// OnLag is called when renewals of a node fall more than half an interval behind, and
	// when they have caught up or the service ends.
	OnLag func(Lag)
	// OnEviction is called when the service finds that a node may evict keys, and when the node no
	// longer may, or the service ends. The service checks a node once a minute while it has keys to
	// renew on it.
	OnEviction func(Eviction)
}

// Batch counts the outcomes of calls to one node for tasks with one policy.
type Batch struct {
	// Node is the Addr in the options of the node's client: the address of the node,
	// "FailoverClient" with Sentinel, and "redis" for a redis.Ring. For keys of a cluster that one
	// node redirects to another, it is both addresses: "from > to". It is empty for outcomes
	// without a call to Redis, including those of keys whose node could not be found.
	Node string
	// Labels are those of the policy. They must not be modified.
	Labels  map[string]string
	Calls   int // batches that these keys were part of
	Renewed int
	Lost    int
	Failed  int
	Skipped int
	// Late counts renewed keys by the time between their due time and the answer.
	Late [len(LateBounds) + 1]int
	// LateSum is the sum of these times.
	LateSum time.Duration
	// Left counts renewed keys with a fixed TTL by the share of the TTL, in tenths, that was left
	// before the renewal.
	Left [10]int
	// LeftSum is the sum of these shares, of 1 each.
	LeftSum float64
}

// LateBounds are the upper bounds of the buckets of Batch.Late; the last bucket counts the keys
// beyond them.
var LateBounds = [...]time.Duration{ //nolint:gochecknoglobals // a constant table
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond,
	20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
}

// Lag reports that renewals of a node began, or ceased, to be late.
type Lag struct {
	// Node names the node as Batch.Node does, including "from > to" for redirected keys. It is
	// "routing" for keys of a cluster whose node has to be looked up first.
	Node   string
	Begun  bool
	Late   time.Duration // of the oldest tick in the queue
	Queued int           // keys in the queue
}

// Eviction reports that a server began, or ceased, to allow the eviction of keys. A server with a
// memory limit and a maxmemory-policy other than noeviction allows it. On such a server two owners
// may hold one lock.
type Eviction struct {
	Node   string // as in Batch.Node, but never of redirected keys
	Begun  bool
	Policy string // maxmemory-policy, if Begun
	Limit  int64  // maxmemory in bytes, if Begun
}
