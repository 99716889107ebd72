package redisstore

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/cutover-go/cutover/store"
)

// Config configures how a [Store] keeps its data. The zero value means the defaults.
type Config struct {
	// Prefix begins every key. Default "cutover:". Set it when several services share a Redis. It
	// must not contain braces, which Redis would read as the hash tag.
	Prefix string
	// MaxEvents is the number of events that the log of a plan keeps; older events are dropped. The
	// events of the plan itself can still be read with PlanEvents. Default store.KeptEvents; a
	// negative value keeps all. If processes differ, the smallest value applies.
	MaxEvents int
	// Replicas is how many replicas must have a commit before the call returns. Default 0: the
	// acknowledgement of the master is enough, and a failover may undo commits that the master had
	// not replicated. If the replicas do not have a commit in time, the call returns a passing
	// fault; the caller sends the commit again, and the repeated call waits again.
	Replicas int
	// ReplicaTimeout bounds the wait for replicas. Default 1 s; never more than three quarters of
	// the client's ReadTimeout.
	ReplicaTimeout time.Duration
	// OnWentBack is called when the store finds a plan in an older state than this process has
	// seen, as after a failover to a replica that lacked the last commits. The call that notices
	// this returns the same *WentBackError. OnWentBack must not block.
	OnWentBack func(*WentBackError)
}

func (c Config) withDefaults() Config {
	if c.Prefix == "" {
		c.Prefix = "cutover:"
	}
	c.MaxEvents = max(0, cmp.Or(c.MaxEvents, store.KeptEvents)) // from here on, 0 keeps all
	if c.ReplicaTimeout == 0 {
		c.ReplicaTimeout = time.Second
	}
	if c.OnWentBack == nil {
		c.OnWentBack = func(*WentBackError) {}
	}
	return c
}

// validate returns a description of every fault of c.
func (c Config) validate() (faults []string) {
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf(format, args...))
	}
	if strings.ContainsAny(c.Prefix, "{}") {
		fault("Prefix %q has braces", c.Prefix)
	}
	if c.Replicas < 0 {
		fault("Replicas is %d", c.Replicas)
	}
	if c.ReplicaTimeout < time.Millisecond {
		fault("ReplicaTimeout is %s, the least is 1ms", c.ReplicaTimeout)
	}
	return faults
}
