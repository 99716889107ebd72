package renewal

import "time"

// Hooks let a host observe a service, for metrics. They are called one at a time on a
// goroutine of their own; figures that come while a hook runs are added up, so that a slow
// hook gets fewer and larger reports and delays no renewal, and is not called for a lag
// that began and ended meanwhile.
//
// A panic in a hook or a callback is recovered, logged with its stack, and goes no further.
type Hooks struct {
	// OnBatch gets the outcomes since its last call, one call per policy and node.
	OnBatch func(Batch)
	// OnLag is called when renewals of a node fall more than half an interval behind, and
	// when they have caught up.
	OnLag func(Lag)
	// OnEviction is called when a node is found to drop keys by itself, and when it no
	// longer does. Nodes are looked at once a minute, while there is something to renew on
	// them.
	OnEviction func(Eviction)
}

// Batch is the outcome of the calls to one node for the tasks of one policy.
type Batch struct {
	Node    string            // empty for what was decided without a call
	Labels  map[string]string // the policy's, not to be changed
	Calls   int               // batches that these keys were part of
	Renewed int
	Lost    int
	Failed  int
	Skipped int
	// Late counts renewed keys by the time from when they were due to the answer.
	Late [len(LateBounds) + 1]int
	// Left counts renewed keys by what was left of their TTL before, in tenths.
	Left [10]int
}

// LateBounds are the upper bounds of Batch.Late; its last field counts what is beyond.
var LateBounds = [...]time.Duration{ //nolint:gochecknoglobals // a constant table
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond,
	20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
}

// Lag says that renewals of a node are late, or no longer.
type Lag struct {
	Node   string
	Begun  bool
	Late   time.Duration // of the oldest tick in the queue
	Queued int
}

// Eviction says that a server may drop keys by itself, or no longer: it has a memory limit
// and another maxmemory-policy than noeviction. Such a server lets two hold one lock.
type Eviction struct {
	Node   string
	Begun  bool
	Policy string // maxmemory-policy, if Begun
	Limit  int64  // maxmemory in bytes, if Begun
}
