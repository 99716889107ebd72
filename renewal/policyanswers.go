package renewal

import (
	"context"
	"fmt"
	"time"
)

// policyAnswers holds the answers of a policy's functions and selector before one refresh.
type policyAnswers struct {
	// Set before the call.
	policy  *Policy
	status  Status
	tick    time.Duration
	maxKeys int // of a selector; negative: no bound

	keys      map[string]struct{} // found by the selector
	partial   bool                // the selector failed, so the task keeps its known keys
	reason    Reason              // of a stop rule; Live: none holds
	ttl       time.Duration
	interval  time.Duration
	selectErr error // error of the selector: it is reported, but the known keys are renewed
}

// call calls the functions in order, until a stop rule holds or a function other than the selector
// fails.
func (a *policyAnswers) call(ctx context.Context) error {
	if err := a.callStop(ctx); err != nil || a.reason != Live {
		return err
	}
	if a.policy.Select.fn != nil {
		a.selectErr = a.callSelect(ctx)
		a.partial = a.selectErr != nil
	}
	if err := a.callTTL(ctx); err != nil {
		return err
	}
	return a.callInterval(ctx)
}

func (a *policyAnswers) callStop(ctx context.Context) error {
	for _, rule := range a.policy.Stop {
		if rule.kind != stopFunc {
			continue
		}
		err := guard("stop rule", func() error {
			yes, err := rule.fn(ctx, a.status)
			if err == nil && yes {
				a.reason = ReasonRule
			}
			return err
		})
		if err != nil || a.reason != Live {
			return err
		}
	}
	return nil
}

func (a *policyAnswers) callSelect(ctx context.Context) error {
	return guard("selector", func() error {
		keys, err := a.policy.Select.fn(ctx)
		if err != nil {
			return err
		}
		return a.add(keys)
	})
}

func (a *policyAnswers) callTTL(ctx context.Context) error {
	a.ttl = a.policy.TTL.fixed
	fn := a.policy.TTL.fn
	if fn == nil {
		return nil
	}
	return guard("TTL", func() (err error) {
		a.ttl, err = fn(ctx, a.status)
		if err == nil && (a.ttl < time.Millisecond || a.ttl > MaxTTL) {
			err = fmt.Errorf("renewal: TTL function answered %v, want 1ms to %v", a.ttl, MaxTTL)
		}
		return err
	})
}

// callInterval determines the interval, and shortens it if it is too long for the TTL.
func (a *policyAnswers) callInterval(ctx context.Context) error {
	a.interval = intervalOf(a.policy, a.ttl)
	if fn := a.policy.Interval.fn; fn != nil {
		err := guard("interval", func() (err error) {
			a.interval, err = fn(ctx, a.status)
			if err == nil && (a.interval <= 0 || a.interval > MaxInterval) {
				err = fmt.Errorf("renewal: interval function answered %v, want more than 0 and at most %v", a.interval, MaxInterval)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if validateRoom(a.policy, a.interval, a.ttl) != nil {
		a.interval = a.ttl / 3
	}
	a.interval = max(a.interval, a.tick)
	return nil
}

// add adds keys that the selector has found.
func (a *policyAnswers) add(keys []string) error {
	if a.keys == nil {
		a.keys = make(map[string]struct{}, len(keys))
	}
	for _, name := range keys {
		if _, known := a.keys[name]; known || name == "" {
			continue
		}
		if a.maxKeys >= 0 && len(a.keys) >= a.maxKeys {
			return fmt.Errorf("renewal: selector of task %s found more than %d keys", a.status.ID, a.maxKeys)
		}
		a.keys[name] = struct{}{}
	}
	return nil
}

// selection holds the keys of a selector, by name.
type selection map[string]*key

// choose replaces the keys of the task by those that the selector has found. It removes no key if
// the answer is partial, and no key that is queued or part of a call. The deadline of a new key
// counts from its first renewal, because it is not known when its TTL was set.
func (s *selection) choose(a *policyAnswers, slot func(string) uint16) {
	if *s == nil {
		*s = make(selection, len(a.keys))
	}
	for name, k := range *s {
		if _, found := a.keys[name]; !found && !a.partial && !k.busy() && !k.sending() {
			delete(*s, name)
		}
	}
	for name := range a.keys {
		if (*s)[name] == nil {
			(*s)[name] = &key{name: name, slot: slot(name), deadline: never}
		}
	}
}
