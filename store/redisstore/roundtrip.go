package redisstore

import (
	"cmp"
	"slices"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// roundTrip is one round trip with commits of one plan. Its memory is reused.
type roundTrip struct {
	calls []*call
	order []*change // the changes in the order in which they are sent
	argv  []any
	sent  [3]int // arguments that are passed by pointer
	// tokens is the plan's new range of tokens, whose bounds are passed by pointer; raises means
	// that a change requires such a range.
	tokens tokenRange
	raises bool
	// flags are "1" if a task may begin to wait, plus "2" if new events are to be hinted at.
	flags string
	hints bool
	seen  int64 // the newest event known before the round trip
	last  int64 // the newest event in the answer
	now   int64 // the time on the server's clock
	token int64 // the token of tasks that were never touched before their claim
	full  bool  // the server's memory is full
}

// after is what remains to be done after a commit.
type after struct {
	unindexed bool // an index has to be rebuilt
	further   bool // the undo round has to continue, or the view is not certain
}

// complete wakes the callers that wait.
func (t *roundTrip) complete() {
	for i, c := range t.calls {
		t.calls[i] = nil
		c.done <- struct{}{}
	}
	clear(t.order)
	clear(t.argv)
}

// shortcut returns the script that may suffice instead of commit.lua, if any.
func (t *roundTrip) shortcut(all *scripts) *script {
	ends := false
	for _, w := range t.order {
		if w.after[0] != letterSave && w.after[0] != letterComplete {
			return nil
		}
		ends = ends || w.after[0] == letterComplete
	}
	switch {
	case len(t.order) == 0:
		return nil
	case !ends && t.sent[1] == 0:
		return all.save
	case t.raises || t.repeats() || slices.ContainsFunc(t.calls, func(c *call) bool {
		return c.claim.Max > 0 && (c.claim.Max > 1 || c.claim.Chosen || *c.goesWith() == 0)
	}):
		return nil
	}
	return all.turn
}

// repeats reports whether any task has two changes. The changes are in order of the buckets.
func (t *roundTrip) repeats() bool {
	bucket, seen := -1, uint64(0)
	for _, w := range t.order {
		if w.bucket != bucket {
			bucket, seen = w.bucket, 0
		}
		if seen&(1<<w.field) != 0 {
			return true
		}
		seen |= 1 << w.field
	}
	return false
}

// What a round trip asks for, besides its changes and claims.
const (
	flagDefers = 1 // a task may begin to wait
	flagHints  = 2 // hint at new events, too
	flagTexts  = "0123"
)

// compose writes the arguments of commit.lua, save.lua and turn.lua.
func (t *roundTrip) compose(s *client, key string) {
	t.order = t.order[:0]
	t.sent, t.tokens, t.raises = [3]int{2: s.cfg.MaxEvents}, tokenRange{}, false
	flags := 0
	if t.hints {
		flags = flagHints
	}
	for _, c := range t.calls {
		for i := range c.changes {
			w := &c.changes[i]
			if w.foreign {
				continue
			}
			t.order = append(t.order, w)
			t.raises = t.raises || w.raises
			if w.defers {
				flags |= flagDefers
			}
		}
		if c.claim.Max > 0 {
			t.sent[1]++
			t.raises = t.raises || c.claim.RaiseTokens
		}
	}
	t.sent[0], t.flags = len(t.order), flagTexts[flags:flags+1]
	// Order the changes by bucket, and within a bucket as they came.
	slices.SortStableFunc(t.order, func(a, b *change) int { return cmp.Compare(a.bucket, b.bucket) })
	t.argv = append(t.argv[:0], "evalsha", s.scripts.commit.sha, 0, key)
	for i, w := range t.order {
		w.at = i + 1
		if i == 0 || t.order[i-1].bucket != w.bucket {
			t.argv = append(t.argv, bucketKey(key, w.bucket))
		}
	}
	t.argv[2] = len(t.argv) - 3 // the number of keys
	t.argv = append(t.argv, &t.sent[0], &t.sent[1], &t.sent[2], s.hints, &t.tokens.floor, &t.tokens.limit, &t.flags)
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
		t.argv = append(t.argv, &c.claim.ID, named, &c.claim.Max, c.goesWith(), &c.chosen)
	}
}

// goesWith returns the position, among the sent changes, of the release that c's claim comes with;
// 0 if there is none.
func (c *call) goesWith() *int {
	for i := range c.changes {
		if w := &c.changes[i]; w.release && !w.foreign {
			return &w.at
		}
	}
	return new(int)
}

// parse splits the answer and gives each call its part.
func (t *roundTrip) parse(key, text string) (then after, err error) {
	r := reader{key: key, rest: text[1:]}
	flags := r.take(5)
	if r.bad {
		return then, r.err()
	}
	view, canceled, sure := t.parseView(&r, flags[0])
	for _, w := range t.order {
		w.answer = parseAnswer(&r)
	}
	for _, c := range t.calls {
		c.view, c.canceled, c.now, c.token = view, canceled, t.now, t.token
		if c.claim.Max > 0 {
			c.claimed = skipTasks(&r)
		}
	}
	if flags[3] == '1' {
		// The changes are committed. Only callers that made no change and got no task get the
		// error.
		damage := problem(key, r.sized())
		for _, c := range t.calls {
			if c.claim.Max > 0 && len(c.changes) == 0 && c.claimed == "" {
				c.err = damage
			}
		}
	}
	return after{unindexed: flags[2] == '1', further: flags[1] == '1' || !sure}, r.err()
}

// parseView reads the plan after the commit; canceled means that its pending tasks show as
// canceled. sure is false if a further call has to find out whether tasks can be claimed.
func (t *roundTrip) parseView(r *reader, can byte) (v store.View, canceled, sure bool) {
	v.Version = uint64(r.number('|'))
	rules := parseRules(r.until('|'))
	facts := parseFacts(r.until('|'))
	t.now, t.token = r.number('|'), r.number('|')
	facts.Now = stamp(t.now)
	r.bad = r.bad || !rules.ok || !facts.ok
	t.last = facts.LastEvent
	v.State, v.Counters = rules.state, facts.Counters
	v.Breached, v.UndosExhausted, v.Now, v.NextDue = facts.Breached, facts.UndosExhausted, facts.Now, facts.NextDue
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

// skipTasks skips the tasks of one claim and returns their encoded form, beginning with their
// number; an empty string if there are none.
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

// unusual is the answer of save.lua and turn.lua if commit.lua has to be called instead.
const unusual = "=?"
