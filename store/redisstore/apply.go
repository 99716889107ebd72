package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/planrecord"
)

// Apply implements store.Writer. It puts the plan on the agenda before it writes the command, so
// that an engine reconciles the plan even if this process dies in between, and again afterwards.
func (s *Store) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	if err := c.Check(); err != nil {
		return store.Applied{}, err
	}
	l := s.queues.of(c.Plan.ID)
	control, err := json.Marshal(planrecord.ControlOf(&c.Plan.Control))
	if err != nil {
		return store.Applied{}, fmt.Errorf("redisstore: %w", err)
	}
	var tokens tokenRange
	if c.RaiseTokens {
		if tokens, err = s.tokens.raise(ctx, 0); err != nil {
			return store.Applied{}, err
		}
	}
	argv := s.applyArgs(l.key, &c, control, tokens)
	before := l.newest()
	if err := s.agenda.wakeExisting(ctx, c.Plan.ID); err != nil {
		return store.Applied{}, err
	}
	answer, err := s.runApply(ctx, c.Plan.ID, l.key, argv)
	if errors.Is(err, store.ErrNotFound) {
		err = s.queues.absent(ctx, c.Plan.ID, l)
	}
	if err != nil {
		return store.Applied{}, err
	}
	var a store.Applied
	r := reader{key: l.key, rest: answer[1:]}
	flag := r.take(1)
	a.Repeated = flag == "2"
	if a.Plan, err = parsePlan(c.Plan.ID, &r); err != nil {
		return store.Applied{}, err
	}
	if err := s.queues.notice(c.Plan.ID, l, before, a.Plan.LastEvent); err != nil {
		return store.Applied{}, err
	}
	if flag == "1" {
		if err := s.queues.seekOn(ctx, l.key, &roundTrip{}); err != nil {
			return store.Applied{}, err
		}
		if a.Plan, err = s.Plan(ctx, c.Plan.ID); err != nil {
			return store.Applied{}, err
		}
	}
	return a, s.agenda.wake(ctx, c.Plan.ID, 0, true)
}

// runApply calls apply.lua, and calls it again if an index had to be rebuilt first.
func (s *Store) runApply(ctx context.Context, id plan.ID, key string, argv []any) (string, error) {
	answer, err := s.client.run(ctx, s.client.scripts.apply, key, true, argv)
	if err != nil || answer != unindexed {
		return answer, err
	}
	if err := s.indexes.repair(ctx, answerTimeout, id); err != nil {
		return "", err
	}
	answer, err = s.client.run(ctx, s.client.scripts.apply, key, true, argv)
	if err == nil && answer == unindexed {
		err = &store.CorruptError{Key: s.keys.later(id), Reason: "fewer tasks wait than are counted"}
	}
	return answer, err
}

// unindexed is the answer of apply.lua if the indexes have to be rebuilt first.
const unindexed = "=3"

// applyArgs returns the arguments of apply.lua.
func (s *Store) applyArgs(key string, c *store.Command, control []byte, tokens tokenRange) []any {
	argv := make([]any, 0, 23+12*len(c.Edits)+len(c.Events))
	argv = s.client.scripts.apply.argv(argv, key)
	argv = append(argv, c.ID, c.Version, c.Failed, s.client.cfg.MaxEvents, store.KeptCommands, control, formatRules(&c.Plan),
		moved(c.Events), c.Plan.Breached, len(c.Edits), len(c.Events), tokens.floor, tokens.limit, formatWaves(c.Plan.Waves),
		c.Plan.TaskCount, formatAdding(&c.Plan), c.Acknowledges)
	for i := range c.Edits {
		e := &c.Edits[i]
		var retried int64
		if !e.RetriedAt.IsZero() {
			retried = e.RetriedAt.UnixNano()
		}
		argv = append(argv, e.ID.Ordinal(), e.Version, letters[e.State:e.State+1], uint8(e.Request), e.Attempt, e.PausedIndividually,
			e.Losses, retried, appendAttempts(appendFailure(nil, e.Failure), e.Attempts), digit(e.Release)+digit(e.DropCheckpoint)+digit(e.DropUndo),
			formatWait(e.Wait), e.Elapsed.Milliseconds())
	}
	for i := range c.Events {
		argv = append(argv, appendEvent(nil, &c.Events[i]))
	}
	return argv
}

// moved reports whether the events include a change of the plan's own state.
func moved(events []plan.Event) bool {
	return slices.ContainsFunc(events, func(e plan.Event) bool { return e.Task == 0 && e.From != e.To })
}
