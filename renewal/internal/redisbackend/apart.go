package redisbackend

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/await"
	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// refreshApart refreshes the requests at the given indexes again, with one command per key.
// If ctx ends before the calls return, the requests keep their previous answers.
func (b *Backend) refreshApart(ctx context.Context, client redis.UniversalClient, reqs []backend.Request, at []int) {
	if len(at) == 0 {
		return
	}
	again := make([]backend.Request, len(at))
	for j, i := range at {
		again[j] = reqs[i]
		again[j].Answer, again[j].Err = backend.Silent, nil
	}
	if !b.oneByOne(ctx, client, again) {
		return
	}
	for j, i := range at {
		reqs[i].Answer, reqs[i].Left, reqs[i].Err = again[j].Answer, again[j].Left, again[j].Err
	}
}

// oneByOne refreshes each key with its own command, so that a cluster client can route each key
// separately. Any server may lack the script, so the calls that fail with NOSCRIPT are repeated
// with the text of the script. It reports false if the context ended first; reqs then belongs to a
// goroutine that still waits for the answers.
func (b *Backend) oneByOne(ctx context.Context, client redis.UniversalClient, reqs []backend.Request) bool {
	err := await.Do(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, b.opt.CallTimeout)
		defer cancel()
		c := &commands{fresh: true, single: true}
		c.build(ctx, reqs, b)
		c.exec(ctx, client, -1)
		c.read(reqs)
		resolveKept(ctx, client, reqs)
		return nil
	})
	return err == nil
}

// redirected refreshes keys that one node has redirected to another, while their slot moves or
// before the client knows the new topology. The cluster client follows the redirection.
type redirected struct {
	backend *Backend
	label   string
}

// Redirected returns a node for the keys that node from redirects to node to.
func (b *Backend) Redirected(from, to string) backend.Node {
	return &redirected{backend: b, label: from + " > " + to}
}

// Name returns both addresses.
func (r *redirected) Name() string { return r.label }

// Refresh refreshes each key with its own command.
func (r *redirected) Refresh(ctx context.Context, timeout time.Duration, reqs []backend.Request) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	all := make([]int, len(reqs))
	for i := range reqs {
		all[i] = i
		fail(&reqs[i], context.DeadlineExceeded) // unless an answer replaces it
	}
	r.backend.refreshApart(ctx, r.backend.cluster, reqs, all)
	for i := range reqs {
		if reqs[i].Answer == backend.Redirected { // the nodes redirect to each other
			reqs[i].Answer = backend.Failed
		}
	}
}
