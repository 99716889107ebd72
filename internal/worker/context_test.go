package worker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

type contextKey struct{}

// actions are what can happen to the context of an executor. Each returns what it shows.
var actions = []struct { //nolint:gochecknoglobals // never changes
	name string
	do   func(w *watched) string
}{
	{"end", func(w *watched) string { w.end(errors.New("first end")); return "" }},
	{"end again", func(w *watched) string { w.end(nil); return "" }},
	{"parent ends", func(w *watched) string { w.endParent(errors.New("parent")); return "" }},
	{"err", func(w *watched) string { return fmt.Sprint(w.ctx.Err()) }},
	{"cause", func(w *watched) string { return fmt.Sprint(context.Cause(w.ctx)) }},
	{"derive", func(w *watched) string { w.derive(); return w.derived() }},
	{"value", func(w *watched) string { return fmt.Sprint(w.ctx.Value(contextKey{}), w.ctx.Value("none")) }},
}

// watched is a context with all that was derived from it.
type watched struct {
	ctx       context.Context //nolint:containedctx // the subject of the test
	end       context.CancelCauseFunc
	endParent context.CancelCauseFunc
	children  []context.Context
	cancels   []context.CancelFunc // those of the children
	called    atomic.Int32         // the number of context.AfterFunc whose function was called
}

func (w *watched) derive() {
	child, cancel := context.WithCancel(w.ctx)
	context.AfterFunc(w.ctx, func() { w.called.Add(1) })
	w.children, w.cancels = append(w.children, child, context.WithoutCancel(w.ctx)), append(w.cancels, cancel)
}

// derived says how the children are.
func (w *watched) derived() (all string) {
	synctest.Wait()
	for _, c := range w.children {
		all += fmt.Sprint(c.Err(), context.Cause(c), c.Value(contextKey{}), ";")
	}
	return all + fmt.Sprint(w.called.Load())
}

// look says how the context is.
func (w *watched) look() string {
	_, limited := w.ctx.Deadline()
	ended := false
	select {
	case <-w.ctx.Done():
		ended = true
	default:
	}
	return fmt.Sprint(w.ctx.Err(), context.Cause(w.ctx), ended, limited, w.derived())
}

// The context of an executor behaves as one of package context, in whatever order it is used, ended
// by the worker, and ended with its parent.
func TestRunContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n, length := len(actions), 4
		if testing.Short() {
			length = 3
		}
		orders := 1
		for range length {
			orders *= n
		}
		for order := range orders {
			var names []string
			var both [2]string
			for i := range both {
				parent, endParent := context.WithCancelCause(context.WithValue(t.Context(), contextKey{}, "value"))
				w := &watched{endParent: endParent}
				if i == 0 {
					w.ctx, w.end = context.WithCancelCause(parent)
				} else {
					c := &runContext{Context: parent}
					w.ctx, w.end = c, c.end
				}
				names = nil
				for left := order; len(names) < length; left /= n {
					a := actions[left%n]
					names = append(names, a.name)
					both[i] += a.do(w) + "|"
				}
				both[i] += w.look()
				w.end(nil)
				endParent(nil)
				both[i] += w.look()
				for _, cancel := range w.cancels {
					cancel()
				}
			}
			if both[0] != both[1] {
				t.Fatalf("%q:\n%s, want\n%s", names, both[1], both[0])
			}
		}
	})
}

// Nothing is allocated for a context that nobody waits for.
func TestRunContextIsLazy(t *testing.T) {
	t.Parallel()
	parent, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := &runContext{Context: parent}
	if c.Err() != nil || c.Value(contextKey{}) != nil {
		t.Fatal("ended, or has a value")
	}
	c.end(nil)
	if c.Err() == nil || c.inner != nil {
		t.Errorf("%v, with an inner context: %t", c.Err(), c.inner != nil)
	}
}
