package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// The tokens of all plans are kept in order without a round trip per claim. The store has one
// limit; no token above it was ever assigned. Each plan has a range of the numbers below that
// limit: it assigns tokens above its floor and up to its own limit. A plan whose tokens have to be
// greater than all others takes the store's limit as its floor and raises the store's limit; a plan
// that has used up its range raises the limit too, and keeps its floor. Normally a token is a
// reading of the clock, which is within the range because the limit is up to tokenLead ahead.
//
// Invariant: floor of a plan < its tokens <= its limit <= the store's limit.

// tokenLead is how far the limit of tokens is raised ahead of the clock, and so about how often an
// active plan has to raise it.
const tokenLead = time.Minute

// maxRaises is how many times one commit may raise the limit: once is enough unless clocks are set
// forward in between.
const maxRaises = 3

// errTokens means that a plan cannot assign a token. It is wrapped in a store.TemporaryError.
var errTokens = errors.New("redisstore: the limit of tokens stays behind the clock")

// tokenRange is the range of tokens that a commit or command assigns to a plan; if limit is zero,
// it assigns none.
type tokenRange struct{ floor, limit int64 }

// tokens keeps the limit of fencing tokens, and assigns plan ids.
type tokens struct{ client *client }

// raise raises the store's limit. clock is the time of the plan's node, and the limit has to be
// ahead of that time, too. No token between the old limit and the new one was ever assigned.
func (tk *tokens) raise(ctx context.Context, clock int64) (tokenRange, error) {
	answer, err := tk.call(ctx, "raise", tokenLead.Microseconds(), clock)
	if err != nil {
		return tokenRange{}, err
	}
	r := reader{key: tk.client.keys.tokens(), rest: answer[1:] + " "}
	t := tokenRange{floor: r.number(' '), limit: r.number(' ')}
	return t, r.err()
}

// newID returns the next plan id.
func (tk *tokens) newID(ctx context.Context, jump int64) (plan.ID, error) {
	answer, err := tk.call(ctx, "id", jump)
	if err != nil {
		return 0, err
	}
	r := reader{key: tk.client.keys.ids(), rest: answer[1:] + " "}
	id := plan.ID(r.number(' '))
	if err := r.err(); err != nil {
		return 0, err
	}
	if !id.Valid() {
		return 0, &store.CorruptError{Key: tk.client.keys.ids(), Reason: fmt.Sprintf("%d is no plan id", id)}
	}
	return id, nil
}

// call calls tokens.lua.
func (tk *tokens) call(ctx context.Context, args ...any) (string, error) {
	sc := tk.client.scripts.tokens
	argv := append(sc.argv(nil, tk.client.keys.tokens(), tk.client.keys.ids(), tk.client.keys.plans()), args...)
	return tk.client.run(ctx, sc, tk.client.keys.tokens(), true, argv)
}
