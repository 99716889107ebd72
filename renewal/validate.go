package renewal

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// MaxInterval is the longest interval, and MaxTTL the longest TTL, that a policy
// may ask for.
const (
	MaxInterval = 90 * 24 * time.Hour
	MaxTTL      = 10 * 365 * 24 * time.Hour
)

// marginOf returns the time between the local deadline and the moment at which the key may expire.
// It allows for the drift between the clocks of this machine and the server.
func marginOf(ttl time.Duration) time.Duration {
	return max(ttl/50, 10*time.Millisecond)
}

// validateTask returns the faults of a task. It does not check the policy, the id or the number of
// tasks.
func validateTask(t *Task) (faults []error) {
	selects := t.Policy != nil && t.Policy.Select.set
	switch {
	case len(t.Keys) == 0 && !selects:
		faults = append(faults, errors.New("no keys"))
	case len(t.Keys) > 0 && selects:
		faults = append(faults, errors.New("both keys and a selector"))
	}
	if slices.Contains(t.Keys, "") {
		faults = append(faults, errors.New("an empty key"))
	}
	if key, ok := firstDouble(t.Keys); ok {
		faults = append(faults, fmt.Errorf("key %q is named twice", key))
	}
	if t.Policy == nil {
		faults = append(faults, errors.New("no policy"))
	}
	return faults
}

func firstDouble(keys []string) (string, bool) {
	if len(keys) < 2 {
		return "", false
	}
	seen := make(map[string]struct{}, len(keys))
	for _, key := range keys {
		if _, ok := seen[key]; ok {
			return key, true
		}
		seen[key] = struct{}{}
	}
	return "", false
}

// validatePolicy returns the faults of a policy for a service with the given tick.
func validatePolicy(p *Policy, tick time.Duration) (faults []error) {
	faults = append(faults, validateTimes(p, tick)...)
	for i, rule := range p.Stop {
		if fault := validateRule(rule); fault != "" {
			faults = append(faults, fmt.Errorf("stop rule %d: %s", i, fault))
		}
	}
	if p.Select.set && p.Select.fn == nil && p.Select.match == "" {
		faults = append(faults, errors.New("selector: no function, empty pattern or empty prefix"))
	}
	if p.Loss > DropKey {
		faults = append(faults, fmt.Errorf("unknown loss rule %d", p.Loss))
	}
	return faults
}

func validateTimes(p *Policy, tick time.Duration) (faults []error) {
	ttl, iv := p.TTL.fixed, p.Interval
	known := p.TTL.fn == nil // and valid: a consequence of a wrong TTL is not reported as a further fault
	if known && (ttl < time.Millisecond || ttl > MaxTTL) {
		known = false
		faults = append(faults, fmt.Errorf("TTL is %v, want 1ms to %v", ttl, MaxTTL))
	}
	if !(iv.jitter >= 0 && iv.jitter <= MaxJitter) { // so that NaN is a fault too
		faults = append(faults, fmt.Errorf("jitter is %v, want 0 to %v", iv.jitter, MaxJitter))
	}
	if !(iv.fraction >= 0 && iv.fraction < 1) {
		return append(faults, fmt.Errorf("interval is %v of the TTL, want more than 0 and less than 1", iv.fraction))
	}
	interval := intervalOf(p, ttl)
	switch {
	case iv.fn != nil, !known && iv.fixed == 0:
		return faults // known only at the ticks, or not at all
	case interval <= 0 || interval > MaxInterval:
		return append(faults, fmt.Errorf("interval is %v, want more than 0 and at most %v", interval, MaxInterval))
	case interval < tick:
		faults = append(faults, fmt.Errorf("interval is %v, shorter than the tick of %v", interval, tick))
	}
	if !known {
		return faults
	}
	if err := validateRoom(p, interval, ttl); err != nil {
		faults = append(faults, err)
	}
	return faults
}

// validateRoom checks whether a TTL leaves room for its interval.
func validateRoom(p *Policy, interval, ttl time.Duration) error {
	switch {
	case p.AllowTight && interval >= ttl-marginOf(ttl):
		return fmt.Errorf("interval %v is not below the TTL %v less the margin %v", interval, ttl, marginOf(ttl))
	case !p.AllowTight && interval*3 > ttl:
		return fmt.Errorf("interval %v is more than a third of the TTL %v", interval, ttl)
	}
	return nil
}

func validateRule(rule StopRule) string {
	switch rule.kind {
	case stopDone:
		if rule.done == nil {
			return "WhenDone of a nil channel"
		}
	case stopAt:
		if rule.at.IsZero() {
			return "At the zero time"
		}
	case stopAfter:
		if rule.after <= 0 {
			return fmt.Sprintf("After %v, want more than 0", rule.after)
		}
	case stopCount:
		if rule.count <= 0 {
			return fmt.Sprintf("Times %d, want more than 0", rule.count)
		}
	case stopFunc:
		if rule.fn == nil {
			return "If of a nil function"
		}
	case stopKeyGone:
	case stopInvalid:
		return "the zero rule"
	}
	return ""
}

// intervalOf returns the interval of a policy for a TTL; 0 if a function determines the interval.
func intervalOf(p *Policy, ttl time.Duration) time.Duration {
	switch {
	case p.Interval.fn != nil:
		return 0
	case p.Interval.fixed != 0:
		return p.Interval.fixed
	case p.Interval.fraction != 0:
		return time.Duration(float64(ttl) * p.Interval.fraction)
	default:
		return ttl / 3
	}
}
