package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Fixed returns a list of instances that does not change.
func Fixed[I any](instances []I) func(context.Context) ([]I, error) {
	instances = slices.Clone(instances)
	return func(context.Context) ([]I, error) { return instances, nil }
}

// Fleet keeps a [Member] for each instance that a host's function lists.
type Fleet[I comparable] struct {
	list func(context.Context) ([]I, error)
	name func(I) string
	join func(I) *Member

	mu      sync.Mutex
	members map[I]*Member
	listed  []I // as it was last, and its members
	current []*Member
}

// NewFleet returns a fleet. name returns the name of an instance, and join makes its member.
func NewFleet[I comparable](list func(context.Context) ([]I, error), name func(I) string, join func(I) *Member) *Fleet[I] {
	return &Fleet[I]{list: list, name: name, join: join, members: map[I]*Member{}}
}

var errNoInstances = errors.New("the fleet has no instances")

// Members returns the members in the order of the list. A member that is no longer listed is
// forgotten. An empty fleet is an error: it would confirm everything. The caller must not modify
// the members.
func (f *Fleet[I]) Members(ctx context.Context) ([]*Member, error) {
	listed, err := f.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the fleet: %w", err)
	}
	if len(listed) == 0 {
		return nil, errNoInstances
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.Equal(listed, f.listed) {
		return f.current, nil
	}
	members := make([]*Member, 0, len(listed))
	kept := make(map[I]*Member, len(listed))
	names := make(map[string]bool, len(listed))
	for _, instance := range listed {
		name := f.name(instance)
		if name == "" || names[name] {
			return nil, fmt.Errorf("listing the fleet: the name %q is empty or occurs twice", name)
		}
		names[name] = true
		member, ok := f.members[instance]
		if !ok {
			member = f.join(instance)
		}
		kept[instance] = member
		members = append(members, member)
	}
	f.members, f.listed, f.current = kept, slices.Clone(listed), members
	return members, nil
}
