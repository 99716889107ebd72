package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/internal/await"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// errFullUndo refuses one undo entry too many.
var errFullUndo = fmt.Errorf("%w: more than %d undo entries", checkpoint.ErrTooLarge, checkpoint.MaxUndoEntries)

// Commit implements store.Writer.
func (s *Store) Commit(ctx context.Context, b *store.Batch) error {
	b.Claimed = b.Claimed[:0]
	if err := b.Check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var refused error
	if b.Claim.Max > 0 {
		refused = s.mayClaim()
	}
	if refused != nil && len(b.Changes) == 0 {
		return refused
	}
	c, _ := s.calls.Get().(*call)
	if c == nil {
		c = newCall()
	}
	c.encode(b)
	if refused != nil {
		c.claim = store.Claim{} // the changes stand; whoever comes for tasks alone is told
	}
	err := s.submit(ctx, b.Plan, c)
	if redis.IsOOMError(err) && onlyEnds(b) {
		err = s.endOnFull(ctx, b.Plan, c)
	}
	if err != nil {
		return err
	}
	err = c.answerTo(b, s)
	s.calls.Put(c)
	if err == nil && b.Yields() {
		// The commit stands, whatever becomes of this: the plan does not rest for long.
		_ = s.wake(ctx, b.Plan, 0, true)
	}
	return err
}

// onlyEnds reports whether a batch ends holds and saves nothing.
func onlyEnds(b *store.Batch) bool {
	return len(b.Changes) > 0 && !slices.ContainsFunc(b.Changes, func(w store.Change) bool { return w.Kind == store.Save })
}

// endOnFull makes changes that end holds once more, on a server whose memory is full:
// otherwise nothing there would ever end, and nothing could be removed. Their claim gets
// nothing.
func (s *Store) endOnFull(ctx context.Context, id plan.ID, c *call) error {
	c.claim = store.Claim{}
	l := s.lane(id)
	t := &trip{calls: []*call{c}, seen: l.newest(), full: true}
	return await.Do(ctx, func(ctx context.Context) error {
		c.err = nil
		_ = s.commit(ctx, id, l, t)
		return c.err
	})
}

// trip is one round trip with commits of one plan. Its memory is used again.
type trip struct {
	calls []*call
	order []*work // as sent
	argv  []any
	sent  [3]int // arguments that are pointed to
	// tokens are arguments that are pointed to; raises says that a change asks for them.
	tokens tokenRange
	raises bool
	seen   int64 // the newest event known before, and by the answer
	last   int64
	now    int64 // by the server's clock
	token  int64 // of tasks that are claimed for the first time
	full   bool  // the server's memory is
}

func (s *Store) takeTrip() *trip {
	if t, ok := s.trips.Get().(*trip); ok {
		return t
	}
	return &trip{}
}

// deliver wakes those who wait.
func (t *trip) deliver() {
	for i, c := range t.calls {
		t.calls[i] = nil
		c.done <- struct{}{}
	}
	clear(t.order)
	clear(t.argv)
}

// commit makes the round trip, and further ones if the plan asks for them. It returns what
// the client said to the first.
func (s *Store) commit(ctx context.Context, id plan.ID, l *lane, t *trip) (sent error) {
	key := l.key
	t.compose(s, key)
	text, sent := s.send(ctx, id, t)
	err := sent
	if err = s.fault(ctx, key, err); err == nil {
		err = problem(key, text)
	}
	if errors.Is(err, store.ErrNotFound) {
		err = s.absent(ctx, id, l)
	}
	var then after
	if err == nil {
		then, err = t.parse(key, text)
	}
	if err == nil {
		err = s.notice(id, l, t.seen, t.last)
	}
	if err == nil && then.unindexed {
		err = s.repair(ctx, patience, id)
	}
	if err == nil && then.further {
		err = s.seekOn(ctx, key, t)
	}
	if err != nil {
		for _, c := range t.calls {
			c.err = err
		}
	}
	return sent
}

// unusual is what save.lua answers if it is not up to the trip.
const unusual = "=?"

// send makes the round trip, or two if it looked simpler than it was. It raises the limit of
// tokens first if a change asks for that.
func (s *Store) send(ctx context.Context, id plan.ID, t *trip) (text string, err error) {
	key := s.keys.plan(id)
	if t.raises {
		if t.tokens, err = s.raiseTokens(ctx, 0); err != nil {
			return "", err
		}
	}
	if t.full {
		return s.call(ctx, s.scripts.end, key, t.argv)
	}
	if t.savesAlone() {
		text, err := s.call(ctx, s.scripts.save, key, t.argv)
		if err != nil || text != unusual {
			return text, err
		}
	}
	return s.sendRaising(ctx, id, key, t)
}

// call is trip for one of the scripts that t was composed for.
func (s *Store) call(ctx context.Context, sc *script, key string, argv []any) (string, error) {
	argv[1] = sc.sha
	return s.trip(ctx, sc, key, true, argv)
}

// savesAlone reports whether all that was composed is checkpoints.
func (t *trip) savesAlone() bool {
	return len(t.order) > 0 && t.sent[1] == 0 &&
		!slices.ContainsFunc(t.order, func(w *work) bool { return w.after[0] != letterSave })
}

// compose writes the arguments of commit.lua and save.lua.
func (t *trip) compose(s *Store, key string) {
	t.order = t.order[:0]
	t.sent, t.tokens, t.raises = [3]int{2: s.cfg.MaxEvents}, tokenRange{}, false
	for _, c := range t.calls {
		for i := range c.works {
			w := &c.works[i]
			if w.foreign {
				continue
			}
			t.order = append(t.order, w)
			t.raises = t.raises || w.raises
		}
		if c.claim.Max > 0 {
			t.sent[1]++
		}
	}
	t.sent[0] = len(t.order)
	// By bucket, and otherwise as they came.
	slices.SortStableFunc(t.order, func(a, b *work) int { return cmp.Compare(a.bucket, b.bucket) })
	t.argv = append(t.argv[:0], "evalsha", s.scripts.commit.sha, 0, key)
	for i, w := range t.order {
		w.at = i + 1
		if i == 0 || t.order[i-1].bucket != w.bucket {
			t.argv = append(t.argv, bucketKey(key, w.bucket))
		}
	}
	t.argv[2] = len(t.argv) - 3 // the keys
	t.argv = append(t.argv, &t.sent[0], &t.sent[1], &t.sent[2], s.hints, &t.tokens.floor, &t.tokens.limit)
	for from := 0; from < len(t.order); {
		to := from + 1
		for to < len(t.order) && t.order[to].bucket == t.order[from].bucket {
			to++
		}
		t.argv = append(t.argv, &t.order[from].bucket, to-from)
		for _, w := range t.order[from:to] {
			t.argv = append(t.argv, &w.field, &w.before, &w.after, &w.data)
		}
		from = to
	}
	worker, none := "", ""
	for _, c := range t.calls {
		if c.claim.Max == 0 {
			continue
		}
		named := &c.claim.Worker
		if *named == worker {
			named = &none
		}
		worker = c.claim.Worker
		t.argv = append(t.argv, &c.claim.ID, named, &c.claim.Max, c.goesWith())
	}
}

// goesWith returns which of the changes that are sent comes with c's claim, 0 if none.
func (c *call) goesWith() *int {
	for i := range c.works {
		if w := &c.works[i]; w.release && !w.foreign {
			return &w.at
		}
	}
	return new(int)
}

// after says what is to be done after a commit.
type after struct {
	unindexed bool // an index has to be rebuilt
	further   bool // the undo round has further to go, or the view is not sure
}

// parse takes the answer apart and gives every call its part.
func (t *trip) parse(key, text string) (then after, err error) {
	r := reader{key: key, rest: text[1:]}
	flags := r.take(5)
	if r.bad {
		return then, r.err()
	}
	view, cancelled, sure := t.parseView(&r, flags[0])
	for _, w := range t.order {
		w.answer = parseAnswer(&r)
	}
	for _, c := range t.calls {
		c.view, c.cancelled, c.now, c.token = view, cancelled, t.now, t.token
		if c.claim.Max > 0 {
			c.claimed = skipTasks(&r)
		}
	}
	if flags[3] == '1' {
		// The changes stand; only those who came for tasks alone are told.
		damage := problem(key, r.sized())
		for _, c := range t.calls {
			if c.claim.Max > 0 && len(c.works) == 0 && c.claimed == "" {
				c.err = damage
			}
		}
	}
	return after{unindexed: flags[2] == '1', further: flags[1] == '1' || !sure}, r.err()
}

// parseView reads the plan after the commit; cancelled says that its pending tasks
// show as cancelled. The view is sure unless whether tasks can be claimed has to be asked.
func (t *trip) parseView(r *reader, can byte) (v store.View, cancelled, sure bool) {
	v.Version = uint64(r.number('|'))
	rules := parseRules(r.until('|'))
	facts := parseFacts(r.until('|'))
	t.now, t.token = r.number('|'), r.number('|')
	r.bad = r.bad || !rules.ok || !facts.ok
	t.last = facts.LastEvent
	v.State, v.Counters = rules.state, facts.Counters
	v.Breached, v.UndosExhausted = facts.Breached, facts.UndosExhausted
	v.Claimable, sure = can == '1', true
	if can == '-' {
		v.Claimable, sure = claimable(&rules, &facts)
	}
	return v, rules.state.CancelsPending(), sure
}

func parseAnswer(r *reader) (a answer) {
	word := r.take(3)
	if r.bad {
		return a
	}
	letter, ok := stateOf(word[0])
	r.bad = !ok
	a.state, a.stop, a.how = letter, task.Stop(word[1]-'0'), word[2]
	if a.how == 'f' {
		a.newest = task.Token(r.number(';'))
		a.worker = r.sized()
	}
	return a
}

// skipTasks passes the tasks of one claim and returns them with their number; nothing
// if there are none.
func skipTasks(r *reader) string {
	all := r.rest
	switch count := r.take(1); {
	case r.bad || count[0] == 0:
		return ""
	case count[0] == single:
		r.number24()
		r.sized()
	default:
		for range count[0] {
			r.number24()
			size := 0
			for range taskTexts {
				size += r.size()
			}
			r.take(size)
		}
	}
	if r.bad {
		return ""
	}
	return all[:len(all)-len(r.rest)]
}

// seekOn lets the undo round go on until it has found a task or is dry, in steps of
// bounded size.
func (s *Store) seekOn(ctx context.Context, key string, t *trip) error {
	for {
		var empty trip
		empty.compose(s, key)
		text, err := s.trip(ctx, s.scripts.commit, key, true, empty.argv)
		if err = s.fault(ctx, key, err); err == nil {
			err = problem(key, text)
		}
		if err != nil {
			return err
		}
		r := reader{key: key, rest: text[1:]}
		flags := r.take(5)
		if r.bad {
			return r.err()
		}
		view, _, _ := t.parseView(&r, flags[0])
		for _, c := range t.calls {
			c.view = view
		}
		if flags[1] != '1' || r.bad {
			return r.err()
		}
	}
}

// illegal says that a worker reported what cannot be, or a task that makes no sense.
func (s *Store) illegal(w *store.Change, a *answer) error {
	place := w.Task.Ordinal() - 1
	e := &store.CorruptError{Key: s.keys.tasks(w.Task.Plan(), place/bucketSize)}
	field := strconv.Itoa(place % bucketSize)
	if a.how == 'i' {
		e.Reason = fmt.Sprintf("field %s: work of kind %d in state %s", field, w.Kind, a.state)
	} else {
		e.Reason = "field " + field + " is missing or makes no sense"
	}
	return e
}
