package renewal

import (
	"github.com/cutover-go/cutover/renewal/internal/backend"
	"github.com/cutover-go/cutover/renewal/internal/hostcall"
	"github.com/cutover-go/cutover/renewal/internal/nodequeue"
)

// shared is what the tasks of one service use. It does not change after New, and each
// component guards itself. The policies point to it, so that a task needs no pointer of
// its own.
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

// taskKey is a key with its task. Its methods are called under the mutex of the task, but
// for those that say otherwise.
type taskKey struct {
	h *Handle
	k *key
}

// nodeQueues takes keys to the queue of the node that holds them.
type nodeQueues interface {
	// slot is the hash slot of a key; 0 if that does not matter.
	slot(key string) uint16
	// push queues a key.
	push(it nodequeue.Item[taskKey], r nodequeue.Rank)
	// kick starts workers for what has been pushed.
	kick()
}
