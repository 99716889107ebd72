package renewal

import (
	"github.com/cutover-go/cutover/renewal/internal/backend"
	"github.com/cutover-go/cutover/renewal/internal/hostcall"
	"github.com/cutover-go/cutover/renewal/internal/nodequeue"
)

// shared holds the components that all tasks of one service use. It does not change after New, and
// each component does its own locking. The policies point to it, so that a task needs no pointer to
// it.
type shared struct {
	cfg       Config
	clock     clock
	backend   backend.Backend
	timers    *timers[*Handle]
	queues    nodeQueues
	functions *hostcall.Pool // policies and function selectors
	callbacks *hostcall.Pool
	scans     *hostcall.Pool
	meter     *meter
	registry  *registry
}

// taskKey is a key with its task. The caller of its methods holds the mutex of the task, unless the
// method says otherwise.
type taskKey struct {
	h *Handle
	k *key
}

// nodeQueues puts keys into the queue of the node that holds them.
type nodeQueues interface {
	// slot returns the hash slot of a key; 0 without a cluster.
	slot(key string) uint16
	// push queues a key.
	push(it nodequeue.Item[taskKey], r nodequeue.Rank)
	// kick starts workers for the keys that have been pushed.
	kick()
}
