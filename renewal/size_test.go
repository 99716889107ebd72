package renewal

import (
	"fmt"
	"testing"
	"time"
	"unsafe"
)

// TestTaskStaysSmall keeps a task of one key in the allocator's classes of 128 and 32
// bytes: of a million tasks a field more costs 16 MB.
func TestTaskStaysSmall(t *testing.T) {
	t.Parallel()
	if n := unsafe.Sizeof(Handle{}); n > 128 {
		t.Errorf("a Handle takes %d bytes, want at most 128", n)
	}
	if n := unsafe.Sizeof(key{}); n > 32 {
		t.Errorf("a key takes %d bytes, want at most 32", n)
	}
}

// TestOutageLeavesTasksSmall: a task that has failed keeps its error, and needs no more
// memory for it than one that has not. Otherwise one outage makes a million tasks grow
// for as long as they live.
func TestOutageLeavesTasksSmall(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		var handles []*Handle
		for i := range 100 {
			handles = append(handles, w.lease(t, fmt.Sprint(i), every(10*time.Second)))
		}
		w.at("main").fail(errDown)
		pass(15 * time.Second)
		w.at("main").fail(nil)
		pass(15 * time.Second)
		for _, h := range handles {
			if r := h.Result(); r.Failures == 0 || r.Err == nil || r.Renewals == 0 {
				t.Fatalf("%+v, want failed and then renewed", r)
			}
			if h.ext != nil {
				t.Fatal("a failure made the task larger")
			}
		}
	})
}
