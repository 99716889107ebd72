package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Tokens of all plans are kept in order without a trip per claim. The store has one limit
// that was never given out, and each plan a part of the numbers below it: it gives what is
// above its floor and not above its own limit. A plan whose tokens have to be greater than
// all others takes the store's limit as its floor and raises it; one that has used up its
// part raises it too, and keeps its floor. Normally tokens are readings of the clock, which
// a limit that is tokenLead ahead lets pass.
//
// Invariant: floor of a plan < its tokens <= its limit <= the store's limit.

// tokenLead is how far the limit of tokens is raised ahead of the clock: about how often a
// plan at work has to do it.
const tokenLead = time.Minute

// maxRaises bounds how often one commit raises the limit: once is enough unless clocks are
// set forward in between.
const maxRaises = 3

// errTokens says that a plan cannot give a token. Wrapped in a store.TemporaryError.
var errTokens = errors.New("redisstore: the limit of tokens stays behind the clock")

// tokenRange is what a commit or command gives a plan of the tokens; a zero limit gives
// nothing.
type tokenRange struct{ floor, limit int64 }

// raiseTokens raises the store's limit. clock is a reading of the clock of the plan's node
// that it has to be ahead of too. What lies between the limits has never been given.
func (s *Store) raiseTokens(ctx context.Context, clock int64) (tokenRange, error) {
	answer, err := s.tokens(ctx, "raise", tokenLead.Microseconds(), clock)
	if err != nil {
		return tokenRange{}, err
	}
	r := reader{key: s.keys.tokens(), rest: answer[1:] + " "}
	t := tokenRange{floor: r.number(' '), limit: r.number(' ')}
	return t, r.err()
}

// newID returns the next plan id.
func (s *Store) newID(ctx context.Context, jump int64) (plan.ID, error) {
	answer, err := s.tokens(ctx, "id", jump)
	if err != nil {
		return 0, err
	}
	r := reader{key: s.keys.ids(), rest: answer[1:] + " "}
	id := plan.ID(r.number(' '))
	if err := r.err(); err != nil {
		return 0, err
	}
	if !id.Valid() {
		return 0, &store.CorruptError{Key: s.keys.ids(), Reason: fmt.Sprintf("%d is no plan id", id)}
	}
	return id, nil
}

// tokens calls tokens.lua.
func (s *Store) tokens(ctx context.Context, args ...any) (string, error) {
	sc := s.scripts.tokens
	argv := append(sc.argv(nil, s.keys.tokens(), s.keys.ids(), s.keys.plans()), args...)
	return s.run(ctx, sc, s.keys.tokens(), true, argv)
}

// sendRaising sends a commit, and again with a higher limit of tokens or the index of held
// tasks rebuilt if it needs that. What is sent again has been answered without claims: its
// changes are repeated without effect.
func (s *Store) sendRaising(ctx context.Context, id plan.ID, key string, t *trip) (text string, err error) {
	repaired := make(map[plan.ID]bool)
	for range maxRaises {
		text, err = s.call(ctx, s.scripts.commit, key, t.argv)
		if err != nil || len(text) < 6 || text[0] != '=' {
			return text, err
		}
		switch {
		case text[3] == '2':
			err = s.repairOnce(ctx, patience, id, repaired)
		case text[5] == '1':
			var more tokenRange
			more, err = s.raiseTokens(ctx, clockOf(text))
			t.tokens.limit = more.limit
		default:
			return text, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", &store.TemporaryError{Err: errTokens}
}

// clockOf returns the time by the clock of the plan's node from an answer of commit.lua.
func clockOf(answer string) int64 {
	r := reader{rest: answer[6:]}
	for range 3 {
		r.until('|')
	}
	return r.number('|')
}
