package renewal

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestSelectorsFollowTheKeys(t *testing.T) {
	t.Parallel()
	for name, sel := range map[string]func(*world) Selector{
		"pattern": func(*world) Selector { return Pattern("job:*") },
		"prefix":  func(*world) Selector { return Prefix("job:") },
		"function": func(w *world) Selector {
			return Select(func(ctx context.Context) ([]string, error) {
				keys, _, err := w.Scan("job:*", 0).Page(ctx)
				return append(keys, keys...), err // duplicates are harmless
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, Config{}, func(w *world) {
				t := w.t
				p := every(time.Second)
				p.Select = sel(w)
				lost := 0
				p.Callbacks.OnLost = func(context.Context, Event) { lost++ }
				w.set("job:1", "", 4*time.Second)
				w.set("other", "", 4*time.Second)
				h := register(t, w.s, Task{Policy: p})
				pass(5 * time.Second)
				w.set("job:2", "", 4*time.Second)
				w.del("job:1") // not a loss, because it is no longer selected
				pass(10 * time.Second)
				if _, ok := w.get("job:2"); !ok {
					t.Error("a key that came later was not kept alive")
				}
				if _, ok := w.get("other"); ok {
					t.Error("a key that was not selected was kept alive")
				}
				if n := len(w.sent("job:2")); n < 9 || n > 11 {
					t.Errorf("%d renewals in 10 s, want 10 ± 1", n)
				}
				if st := h.Status(); st.Reason != Live || st.Keys != 1 || lost != 0 {
					t.Errorf("%+v, %d lost; want one key and no loss", st, lost)
				}
			})
		})
	}
}

// TestScanErrorDoesNotEndATask checks that known keys are renewed while scans fail, and that each
// failed scan is reported.
func TestScanErrorDoesNotEndATask(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(time.Second)
		p.Select = Pattern("job:*")
		var failures []error
		p.Callbacks.OnFailed = func(_ context.Context, e Event) { failures = append(failures, e.Err) }
		w.set("job:1", "", 4*time.Second)
		h := register(t, w.s, Task{Policy: p})
		pass(3 * time.Second)
		w.mu.Lock()
		w.scanErr = errDown
		w.mu.Unlock()
		pass(20 * time.Second)
		if _, ok := w.get("job:1"); !ok || h.Result().Reason != Live {
			t.Errorf("%+v, key alive: %v; want both alive", h.Result(), ok)
		}
		if len(failures) < 19 || !errors.Is(failures[0], errDown) {
			t.Errorf("%d failures reported, want one each second", len(failures))
		}
		w.mu.Lock()
		w.scanErr = nil
		w.mu.Unlock()
		w.set("job:2", "", 4*time.Second)
		pass(10 * time.Second)
		if h.Status().Keys != 2 {
			t.Errorf("%+v, want both keys", h.Status())
		}
	})
}

func TestSelectorIsBounded(t *testing.T) {
	t.Parallel()
	bubble(t, Config{MaxSelected: 2}, func(w *world) {
		t := w.t
		p := every(time.Second)
		p.Select = Select(func(context.Context) ([]string, error) { return []string{"a", "b", "c"}, nil })
		h := register(t, w.s, Task{Policy: p})
		w.set("a", "", time.Minute)
		w.set("b", "", time.Minute)
		pass(5 * time.Second)
		if st := h.Status(); st.Keys != 2 || h.Result().Err == nil {
			t.Errorf("%+v, error %v; want two keys and the error", st, h.Result().Err)
		}
	})
}

func TestSelectedKeyThatIsLostIsDropped(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(time.Second)
		p.Select = Select(func(context.Context) ([]string, error) { return []string{"gone", "here"}, nil })
		lost := 0
		p.Callbacks.OnLost = func(context.Context, Event) { lost++ }
		w.set("here", "", time.Minute)
		h := register(t, w.s, Task{Policy: p})
		pass(5 * time.Second)
		if h.Result().Reason != Live || lost < 5 {
			t.Errorf("%+v, %d losses; want a live task and a call for each loss", h.Result(), lost)
		}
	})
}

func TestEscapeGlob(t *testing.T) {
	t.Parallel()
	if got, want := Prefix(`a*b?c[d]e\f`).match, `a\*b\?c\[d\]e\\f*`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
