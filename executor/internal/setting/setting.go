// Package setting changes a value that an outside service keeps for each tenant, as the ready-made
// executors do: look, act, verify. The value may be the colour, the status or the traffic weight
// of a tenant.
//
// The service is trusted in nothing: a change is sent only if the value is one that the task
// expects, because otherwise somebody else has moved the tenant on, and a change that the service
// agreed to is done only when the service shows it. To undo is the same in the other direction, to
// the value that the executor has recorded before.
//
// The package imports executor and task.
package setting

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/task"
)

// Setting is a value of every tenant in a service.
type Setting[V comparable] struct {
	// Get returns the value of a tenant, Set changes it. Set must be safe to repeat.
	Get func(ctx context.Context, tenantID string) (V, error)
	Set func(ctx context.Context, c Change[V]) error
	// Service is the service in messages, and Is how a tenant relates to its value, for instance
	// "the gateway" and "is routed to".
	Service, Is string
	// Unit follows the value in messages, for instance " percent".
	Unit string
	// NotConfirmed is the code of a change that was agreed to and is not done.
	NotConfirmed string
}

// Change is one change of a tenant's value.
type Change[V comparable] struct {
	TenantID string
	From, To V
	Token    task.Token
	Key      string
}

// Look returns the value of run's tenant. If it is none of allowed it fails with TENANT_MOVED_ON.
func (s Setting[V]) Look(ctx context.Context, run *executor.Run, allowed ...V) (V, error) {
	value, err := s.Get(ctx, run.Tenant().ID)
	if err != nil || slices.Contains(allowed, value) {
		return value, err
	}
	left := make([]string, len(allowed))
	for i, a := range allowed {
		left[i] = fmt.Sprint(a)
	}
	return value, executor.Fail(task.CodeTenantMovedOn, fmt.Errorf("tenant %s %s %.64q, and this task left it at %s: somebody else has moved it on",
		run.Tenant().ID, s.Is, fmt.Sprint(value), strings.Join(left, " or ")))
}

// Act changes the value and verifies the result: the service must show to. step names the change in
// its idempotency key.
func (s Setting[V]) Act(ctx context.Context, run *executor.Run, step string, from, to V) error {
	tenant := run.Tenant().ID
	change := Change[V]{TenantID: tenant, From: from, To: to, Token: run.Token(), Key: run.IdempotencyKey(step)}
	if err := s.Set(ctx, change); err != nil {
		return err
	}
	value, err := s.Look(ctx, run, from, to)
	if err != nil || value == to {
		return err
	}
	return executor.Retryable(s.NotConfirmed, fmt.Errorf("%s agreed to change tenant %s to %v%s, and the tenant still %s %v%s",
		s.Service, tenant, to, s.Unit, s.Is, value, s.Unit))
}

// Move looks and acts. It sends the change even if the tenant is there already: an earlier change
// without an answer may still be under way, and a service that remembers tokens refuses the earlier
// change only after it has seen a newer token.
func (s Setting[V]) Move(ctx context.Context, run *executor.Run, step string, from, to V) error {
	if _, err := s.Look(ctx, run, from, to); err != nil {
		return err
	}
	return s.Act(ctx, run, step, from, to)
}
