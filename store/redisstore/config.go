package redisstore

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/cutover-go/cutover/store"
)

// Config changes how a [Store] keeps its data. The zero value is good.
type Config struct {
	// Prefix begins every key. Default "cutover:". Set it when several services
	// share a Redis. It must have no braces, which would take the hash tags' place.
	Prefix string
	// MaxEvents is how many events a plan keeps; the oldest events of tasks go first.
	// Default store.KeptEvents; negative: all. The smallest of all processes counts.
	MaxEvents int
	// Replicas is how many replicas must have every commit before it is answered.
	// Default 0: the master's word is enough, and a failover may take back commits
	// that it had not passed on. A commit that the replicas do not have in time is a
	// passing fault: it is sent again, and waits again.
	Replicas int
	// ReplicaTimeout bounds that wait. Default 1 s; never more than three quarters of the
	// client's ReadTimeout.
	ReplicaTimeout time.Duration
	// OnWentBack is called when a plan is found in an older state than this process has
	// seen, as after a failover to a replica that had not got all. The call that
	// found out returns the same *WentBackError. It must not block.
	OnWentBack func(*WentBackError)
}

func (c Config) withDefaults() Config {
	if c.Prefix == "" {
		c.Prefix = "cutover:"
	}
	c.MaxEvents = max(0, cmp.Or(c.MaxEvents, store.KeptEvents)) // 0 is all from here on
	if c.ReplicaTimeout == 0 {
		c.ReplicaTimeout = time.Second
	}
	if c.OnWentBack == nil {
		c.OnWentBack = func(*WentBackError) {}
	}
	return c
}

// validate returns every fault.
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
