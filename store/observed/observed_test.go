package observed_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/observed"
	"github.com/cutover-go/cutover/store/storetest"
)

type opKey struct{}

// witness remembers what began and what ended.
type witness struct {
	mu           sync.Mutex
	marks        int64
	began, ended [observed.NumOps]int
	failed       map[observed.Op]error
	wrong        int
}

func (w *witness) Begin(ctx context.Context, op observed.Op) (context.Context, int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began[op]++
	w.marks++
	return context.WithValue(ctx, opKey{}, [2]any{op, w.marks}), w.marks
}

func (w *witness) End(ctx context.Context, op observed.Op, mark int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended[op]++
	if ctx.Value(opKey{}) != [2]any{op, mark} {
		w.wrong++
	}
	if err != nil {
		w.failed[op] = err
	}
}

// An observed store keeps every promise of the store that it is over, and each of its calls is
// observed under its name, with its context, once.
func TestEveryCallIsObserved(t *testing.T) {
	t.Parallel()
	w := &witness{failed: make(map[observed.Op]error)}
	var seen sync.Map // the names of the methods that were called
	t.Run("conformance", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, storetest.Harness{
			New: func(t testing.TB) store.Store {
				t.Helper()
				inner := storetest.Intercept(memstore.New(), func(ctx context.Context, c storetest.Call) error {
					value, _ := ctx.Value(opKey{}).([2]any)
					if op, is := value[0].(observed.Op); !is || op.String() != c.Method {
						t.Errorf("%s is observed as %v", c.Method, value[0])
					}
					seen.Store(c.Method, true)
					return c.Do(ctx)
				})
				return observed.New(inner, w)
			},
			NewTrimming: func(_ testing.TB, keep int) store.Store {
				return observed.New(memstore.NewWith(memstore.Config{MaxEvents: keep}), w)
			},
			Wrap: synctest.Test,
		})
	})
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for op := range observed.Op(observed.NumOps) {
			if _, called := seen.Load(op.String()); !called || w.began[op] == 0 || w.began[op] != w.ended[op] {
				t.Errorf("%s: %d began, %d ended", op, w.began[op], w.ended[op])
			}
		}
		if w.wrong > 0 {
			t.Errorf("%d calls ended with another context or mark than they began with", w.wrong)
		}
		if !errors.Is(w.failed[observed.OpPlan], store.ErrNotFound) {
			t.Errorf("the error of a Plan is observed as %v", w.failed[observed.OpPlan])
		}
	})
}

func TestNothingToObserve(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	if observed.New(s, nil) != store.Store(s) || observed.New(s, (*witness)(nil)) != store.Store(s) {
		t.Error("without an observer the store is another")
	}
	if observed.New(nil, &witness{}) != nil || observed.New((*memstore.Store)(nil), &witness{}) != store.Store((*memstore.Store)(nil)) {
		t.Error("no store has become one")
	}
	if name := observed.Op(200).String(); name != "Op(200)" {
		t.Error(name)
	}
}
