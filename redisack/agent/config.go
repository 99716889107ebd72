package agent

import (
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/nilcheck"
	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// ErrInvalid is matched by every *InvalidError.
var ErrInvalid = errors.New("agent: invalid configuration")

// Fault is one error in one argument or field.
type Fault struct{ Field, Problem string }

// InvalidError names every fault of the arguments of New. It matches ErrInvalid.
type InvalidError struct{ Faults []Fault }

func (e *InvalidError) Error() string {
	texts := make([]string, len(e.Faults))
	for i, fault := range e.Faults {
		texts[i] = fault.Field + " " + fault.Problem
	}
	return ErrInvalid.Error() + ": " + strings.Join(texts, "; ")
}

// Is makes the error match ErrInvalid.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// faults returns every fault of the arguments of New, except for an unknown host name.
func (cfg Config) faults(rdb redis.UniversalClient, key string, apply ApplyFunc, names wire.Names) (faults []Fault) {
	when := func(bad bool, field, problem string) {
		if bad {
			faults = append(faults, Fault{field, problem})
		}
	}
	_, ring := rdb.(*redis.Ring)
	when(nilcheck.IsNil(rdb), "rdb", "is nil")
	when(ring, "rdb", "is a Ring, which moves keys to another server when one is down")
	when(key == "", "key", "is empty")
	when(!wire.Nameable(key), "key", "contains a } without a {tag}")
	when(wire.BareTag(key), "key", "consists of a {tag} only")
	when(strings.ContainsAny(cfg.Field, "{}"), "Config.Field", "contains a brace")
	when(apply == nil, "apply", "is nil")
	when(cfg.Sharded && cfg.Channel != "" && !wire.SameSlot(cfg.Channel, names.Head), "Config.Channel", "is not in the cluster slot of the key")
	when(cfg.MaxAcks < 0, "Config.MaxAcks", "is negative")
	when(cfg.Resync < 0, "Config.Resync", "is negative")
	return faults
}
