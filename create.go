package cutover

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// ErrUnknownExecutor is the error for a spec whose executor type this process does not have.
var ErrUnknownExecutor = errors.New("cutover: unknown executor type")

// creationTTL is the longest time between two store calls of one creation. After that any engine
// may remove it.
const creationTTL = 30 * time.Second

// Create creates a plan with one task per tenant, in state CREATED. It is atomic at any size:
// nothing of the plan is visible before it is complete, and if this process dies before that, an
// engine removes what was written.
//
// A faulty spec is refused before anything is written, with plan.ErrInvalid, [ErrUnknownExecutor]
// or both. If a plan has the idempotency key already, Create returns that plan for the same spec,
// and store.ErrKeyReused for another. While another call of Create for the key is under way, it
// returns store.ErrCreating: try again a little later to get that plan. Suspicious values of the
// strategy are logged; a host can ask Spec.Strategy.Warnings for them before.
func (e *Engine) Create(ctx context.Context, spec plan.Spec, opts ...CreateOption) (plan.Plan, error) {
	o := createOptionsOf(opts)
	faults := spec.Validate()
	if _, known := e.cfg.Executors[spec.ExecutorType]; !known && !o.elsewhere {
		faults = errors.Join(faults, fmt.Errorf("%w: %.64q is none of %q; see ExecutorElsewhere", ErrUnknownExecutor,
			spec.ExecutorType, slices.Sorted(maps.Keys(e.cfg.Executors))))
	}
	if faults != nil {
		return plan.Plan{}, faults
	}
	for _, w := range spec.Strategy.Warnings(len(spec.Tenants)) {
		e.cfg.Logger.Warn("suspicious strategy", zap.String("plan", spec.Name), zap.String("field", w.Field), zap.String("problem", w.Problem))
	}
	id, err := e.create(ctx, spec, o.by.Actor)
	if err != nil {
		return plan.Plan{}, err
	}
	return e.client.Plan(ctx, id)
}

func (e *Engine) create(ctx context.Context, spec plan.Spec, actor string) (plan.ID, error) {
	var c store.Creation
	mark := rand.Text()
	err := e.client.Do(ctx, "begin create", func() (err error) {
		c, err = e.client.Store.BeginCreate(ctx, store.Create{
			Plan: plan.Plan{
				Name: spec.Name, ExecutorType: spec.ExecutorType, Parameters: maps.Clone(spec.Parameters),
				Strategy: spec.Strategy, TaskCount: len(spec.Tenants), IdempotencyKey: spec.IdempotencyKey,
			},
			Mark:  mark,
			Hash:  digest(spec),
			Actor: actor,
			TTL:   creationTTL,
		})
		return err
	})
	if errors.Is(err, store.ErrKeyReused) || errors.Is(err, store.ErrCreating) {
		err = fmt.Errorf("idempotency key %.128q: %w", spec.IdempotencyKey, err)
	}
	if err != nil || c.Exists {
		return c.ID, err
	}
	first := 1
	for tenants := range slices.Chunk(spec.Tenants, store.MaxBatch) {
		err := e.client.Do(ctx, "add tenants", func() error { return e.client.Store.AddTenants(ctx, c, first, tenants) })
		if err != nil {
			return 0, err
		}
		first += len(tenants)
	}
	return c.ID, e.client.Do(ctx, "finish create", func() error { return e.client.Store.FinishCreate(ctx, c) })
}

// digest returns a hash of a spec, to compare specs with the same idempotency key. Without a key it
// returns "": there is nothing to compare.
func digest(s plan.Spec) string {
	if s.IdempotencyKey == "" {
		return ""
	}
	d := digester{sum: sha256.New()}
	d.text(s.Name, s.ExecutorType, s.Strategy.MaxConcurrency.String(), s.Strategy.MaxFailures.String(),
		s.Strategy.FailureAction.String())
	d.dict(s.Parameters)
	for i := range s.Tenants {
		t := &s.Tenants[i]
		d.text(t.ID)
		d.dict(t.Labels)
		d.dict(t.Parameters)
	}
	return hex.EncodeToString(d.sum.Sum(nil))
}

// digester hashes texts with their lengths, and maps in the order of their keys.
type digester struct {
	sum hash.Hash
	buf []byte
}

func (d *digester) text(texts ...string) {
	d.buf = d.buf[:0]
	for _, s := range texts {
		d.buf = strconv.AppendInt(d.buf, int64(len(s)), 10)
		d.buf = append(append(d.buf, ':'), s...)
	}
	d.sum.Write(d.buf)
}

func (d *digester) dict(m map[string]string) {
	d.buf = append(strconv.AppendInt(d.buf[:0], int64(len(m)), 10), '{')
	d.sum.Write(d.buf)
	if len(m) == 0 {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		d.text(k, m[k])
	}
}
