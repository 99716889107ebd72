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

// validate returns nil or an *InvalidError.
func (cfg Config) validate(rdb redis.UniversalClient, key string, apply ApplyFunc, names wire.Names) error {
	var faults []Fault
	when := func(bad bool, field, problem string) {
		if bad {
			faults = append(faults, Fault{field, problem})
		}
	}
	_, ring := rdb.(*redis.Ring)
	when(nilcheck.IsNil(rdb), "rdb", "is nil")
	when(ring, "rdb", "is a Ring, which moves keys to another server when one is away")
	when(key == "", "key", "is empty")
	when(!wire.Nameable(key), "key", "holds a } without a {tag}")
	when(wire.BareTag(key), "key", "is nothing but a {tag}")
	when(apply == nil, "apply", "is nil")
	when(cfg.Sharded && cfg.Channel != "" && !wire.SameSlot(cfg.Channel, names.Head), "Config.Channel", "is not in the slot of the key")
	when(cfg.MaxAcks < 0, "Config.MaxAcks", "is negative")
	when(cfg.Resync < 0, "Config.Resync", "is negative")
	if len(faults) > 0 {
		return &InvalidError{Faults: faults}
	}
	return nil
}
