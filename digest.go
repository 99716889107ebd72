package cutover

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/task"
)

// digest returns a hash of a spec with a list of tenants, by which the store compares specs with
// the same idempotency key. If the spec has no key, digest returns "".
func digest(s plan.Spec) string {
	d := newDigest(s)
	for i := range s.Tenants {
		d.tenant(&s.Tenants[i])
	}
	return d.hex()
}

// newDigest begins the hash of a spec, to which its tenants are to be added. It returns nil if the
// spec has no key.
func newDigest(s plan.Spec) *digester {
	if s.IdempotencyKey == "" {
		return nil
	}
	d := &digester{sum: sha256.New()}
	rules, _ := json.Marshal(hashedStrategyOf(&s.Strategy)) // no value of a valid strategy fails
	d.text(s.Name, s.ExecutorType, string(rules))
	d.dict(s.Parameters)
	return d
}

// tenant adds the next tenant.
func (d *digester) tenant(t *task.Tenant) {
	if d != nil {
		d.text(t.ID)
		d.dict(t.Labels)
		d.dict(t.Parameters)
	}
}

// hex returns the hash, "" if d is nil.
func (d *digester) hex() string {
	if d == nil {
		return ""
	}
	return hex.EncodeToString(d.sum.Sum(nil))
}

// digester hashes strings, each preceded by its length, and maps, in the order of their keys.
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

// hashedStrategy is the form of a strategy.Strategy that is hashed. It has every field of it, in
// the same order, but does not follow changes of the text forms: stores keep the hashes.
type hashedStrategy struct {
	MaxConcurrency, MaxFailures            hashedAmount
	MaxSameFailures                        int `json:",omitempty"` // younger than hashes that are stored
	FailureAction, ConcurrencyMode         uint8
	Retry                                  strategy.Retry
	MinSuccessTime, TaskTimeout            time.Duration
	Waves                                  []hashedWave
	WaveSizes                              []hashedAmount
	BakeTime, FirstBakeTime, FinalBakeTime time.Duration
	Windows                                []window.Window
	ProgressDeadline                       time.Duration
	Conflict                               uint8            `json:",omitempty"` // came later: the hashes of others stay
	Quotas                                 []strategy.Quota `json:",omitempty"` // likewise
}

// hashedAmount is a strategy.Amount without its text form.
type hashedAmount strategy.Amount

// hashedWave is the form of a strategy.Wave that is hashed.
type hashedWave struct {
	Name                        string
	Size                        hashedAmount
	Labels                      map[string]string
	Tenants                     []string
	MaxConcurrency, MaxFailures hashedAmount
	Canary                      bool
	BakeTime                    time.Duration
	Approval                    bool
}

func hashedStrategyOf(s *strategy.Strategy) hashedStrategy {
	h := hashedStrategy{
		MaxConcurrency: hashedAmount(s.MaxConcurrency), MaxFailures: hashedAmount(s.MaxFailures), MaxSameFailures: s.MaxSameFailures,
		FailureAction: uint8(s.FailureAction), ConcurrencyMode: uint8(s.ConcurrencyMode), Retry: s.Retry,
		MinSuccessTime: s.MinSuccessTime, TaskTimeout: s.TaskTimeout, ProgressDeadline: s.ProgressDeadline,
		BakeTime: s.BakeTime, FirstBakeTime: s.FirstBakeTime, FinalBakeTime: s.FinalBakeTime, Windows: s.Windows,
		Conflict: uint8(s.Conflict), Quotas: s.Quotas,
	}
	if s.Waves != nil { // nil and an empty list have different forms
		h.Waves = make([]hashedWave, len(s.Waves))
	}
	for i, w := range s.Waves {
		h.Waves[i] = hashedWave{
			Name: w.Name, Size: hashedAmount(w.Size), Labels: w.Labels, Tenants: w.Tenants,
			MaxConcurrency: hashedAmount(w.MaxConcurrency), MaxFailures: hashedAmount(w.MaxFailures),
			Canary: w.Canary, BakeTime: w.BakeTime, Approval: w.Approval,
		}
	}
	if s.WaveSizes != nil {
		h.WaveSizes = make([]hashedAmount, len(s.WaveSizes))
	}
	for i, size := range s.WaveSizes {
		h.WaveSizes[i] = hashedAmount(size)
	}
	return h
}
