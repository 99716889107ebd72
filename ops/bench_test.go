package ops_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// nowhere is a ResponseWriter that keeps nothing.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) WriteHeader(int)             {}
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkGetTask compares a GET of a task with the two calls of the engine that it makes. Run it
// with
//
//	go test ./ops -run xxx -bench GetTask -benchmem
func BenchmarkGetTask(b *testing.B) {
	e, err := cutover.New(memstore.New(), cutover.Config{})
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	p, err := e.Create(ctx, plan.Spec{Name: "n", ExecutorType: "X", Tenants: plan.Tenants("a", "b")}, cutover.ExecutorElsewhere())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := e.Start(ctx, p.ID); err != nil {
		b.Fatal(err)
	}
	id := task.NewID(p.ID, 1)
	b.Run("engine", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := e.Plan(ctx, p.ID); err != nil {
				b.Fatal(err)
			}
			if _, err := e.Task(ctx, id); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("handler", func(b *testing.B) {
		h, err := ops.New(e, ops.Config{Authenticate: ops.AllowAll("ada")})
		if err != nil {
			b.Fatal(err)
		}
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/tasks/"+id.String(), nil)
		w := nowhere{make(http.Header)}
		b.ReportAllocs()
		for b.Loop() {
			clear(w.header)
			h.ServeHTTP(w, r)
		}
	})
}
