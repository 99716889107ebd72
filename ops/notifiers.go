package ops

import (
	"errors"

	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/store"
)

// notifiersPage lists the notifiers.
type notifiersPage struct {
	Notifiers []wire.Notifier `json:"notifiers"`
}

// lettersPage lists dead letters.
type lettersPage struct {
	DeadLetters []wire.DeadLetter `json:"deadLetters"`
}

// listNotifiers answers with the notifiers of the store. Those that this process does not have can
// only be looked at.
func listNotifiers(c *call) (answer, error) {
	if !c.caller.May(View, nil) {
		return answer{}, newProblem(codeForbidden)
	}
	all, err := notify.Statuses(c.r.Context(), c.engine)
	if err != nil {
		return answer{}, err
	}
	page := notifiersPage{Notifiers: []wire.Notifier{}}
	for _, s := range all {
		actions := []string{}
		if c.notifier(s.Name) != nil && c.caller.May(Notify, nil) {
			actions = append(actions, string(Notify))
		}
		page.Notifiers = append(page.Notifiers, wire.NotifierOf(s.Subscription, s.Lag, actions))
	}
	return answer{body: page}, nil
}

// listDeadLetters answers with the dead letters of a notifier, the oldest first.
func listDeadLetters(c *call) (answer, error) {
	if !c.caller.May(View, nil) {
		return answer{}, newProblem(codeForbidden)
	}
	letters, err := c.letters(c.r.PathValue("notifier"))
	page := lettersPage{DeadLetters: make([]wire.DeadLetter, len(letters))}
	for i, d := range letters {
		page.DeadLetters[i] = wire.DeadLetterOf(d)
	}
	return answer{body: page}, err
}

// letters returns the dead letters of a name. Nobody has a name that none can be.
func (c *call) letters(name string) ([]store.DeadLetter, error) {
	if store.CheckSubscription(name) != nil {
		return nil, store.ErrNotFound
	}
	return c.engine.Subscriptions().DeadLetters(c.r.Context(), name)
}

// notifier returns a notifier of this process, nil if there is none of that name.
func (c *call) notifier(name string) *notify.Notifier {
	for _, n := range c.cfg.Notifiers {
		if n.Name() == name {
			return n
		}
	}
	return nil
}

// commanded returns the notifier that the path names, if the caller may use it.
func (c *call) commanded() (*notify.Notifier, error) {
	n := c.notifier(c.r.PathValue("notifier"))
	switch {
	case !c.caller.May(View, nil):
		return nil, store.ErrNotFound
	case !c.caller.May(Notify, nil):
		return nil, newProblem(codeForbidden)
	case n == nil:
		return nil, store.ErrNotFound
	}
	c.command.Notifier = n.Name()
	return n, nil
}

// testNotifier sends a test message. That the sink fails is an answer.
func testNotifier(c *call) (answer, error) {
	n, err := c.commanded()
	if err != nil {
		return answer{}, err
	}
	if _, err := prepareForNone[wire.Command](c); err != nil {
		return answer{}, err
	}
	a := wire.Sent{Sent: 1}
	if err := n.Test(c.r.Context()); err != nil {
		a.Sent, a.Error = 0, err.Error()
	}
	return answer{body: a}, c.r.Context().Err()
}

// maxRedelivered is how many dead letters one request sends.
const maxRedelivered = 100

// redeliver sends dead letters again, at most maxRedelivered.
func redeliver(c *call) (answer, error) {
	n, err := c.commanded()
	if err != nil {
		return answer{}, err
	}
	b, err := prepareForNone[wire.RedeliverCommand](c)
	if err != nil {
		return answer{}, err
	}
	letters, err := n.DeadLetters(c.r.Context())
	if err != nil {
		return answer{}, err
	}
	ids := b.IDs
	if len(ids) > maxRedelivered {
		return answer{}, faulty(codeInvalid, 1, wire.Fault{Field: "ids", Problem: "has more than 100 entries"})
	}
	if ids == nil {
		for _, d := range letters[:min(len(letters), maxRedelivered)] {
			ids = append(ids, d.ID)
		}
	}
	a := wire.Sent{}
	if len(ids) > 0 {
		a.Sent, err = n.Redeliver(c.r.Context(), ids...)
	}
	switch {
	case errors.Is(err, store.ErrNotFound), store.Temporary(err), c.r.Context().Err() != nil:
		return answer{}, err
	case err != nil:
		a.Error = err.Error()
	}
	letters, err = n.DeadLetters(c.r.Context())
	a.Left = len(letters)
	return answer{body: a}, err
}
