package notify_test

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// A sink that is away for an hour loses nothing, and holds up only itself.
func TestSinkIsAwayForAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		var away atomic.Bool
		var count atomic.Int64
		away.Store(true)
		box := inbox{refuse: func(notify.Message) error {
			if count.Add(1); away.Load() {
				return errors.New("connection refused")
			}
			return nil
		}}
		w.notifier(w.engine, &box, notify.Config{OnFault: func(string, error) {}})
		time.Sleep(time.Second)
		for range 3 {
			w.finish(w.create("p", 1, "a", "bad"))
		}
		time.Sleep(time.Hour)
		all, err := notify.Statuses(t.Context(), w.engine)
		w.ok(err)
		if s := all[0]; s.Unread != 3 || s.Lag < 15 || time.Since(s.Status.FailingSince) < 59*time.Minute || s.Status.Error != "connection refused" {
			t.Errorf("status %+v", s)
		}
		if tries := count.Load(); tries > 3*30 || tries < 3*12 {
			t.Errorf("%d tries of three plans in an hour", tries)
		}
		away.Store(false)
		time.Sleep(10 * time.Minute)
		byPlan := make(map[plan.ID][]string)
		for i, m := range box.messages() {
			byPlan[m.Plan] = append(byPlan[m.Plan], box.causes()[i])
		}
		for id, causes := range byPlan {
			w.equal("messages of plan "+id.String(), causes, []string{"create", "start", "failures 1", "success"})
		}
		all, err = notify.Statuses(t.Context(), w.engine)
		w.ok(err)
		if s := all[0]; len(byPlan) != 3 || s.Unread != 0 || !s.Status.FailingSince.IsZero() {
			t.Errorf("%d plans, status %+v", len(byPlan), s)
		}
	})
}

// A sink that panics, ends its goroutine, or does not return, is asked again.
func TestHostileSinks(t *testing.T) {
	t.Parallel()
	for name, misbehave := range map[string]func(release chan struct{}){
		"panics":          func(chan struct{}) { panic("oh") },
		"ends":            func(chan struct{}) { runtime.Goexit() },
		"does not return": func(release chan struct{}) { <-release },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memstore.New())
				release := make(chan struct{})
				var tries, faults atomic.Int64
				box := inbox{refuse: func(notify.Message) error {
					if tries.Add(1) == 1 {
						misbehave(release)
						return errors.New("late")
					}
					return nil
				}}
				w.notifier(w.engine, &box, notify.Config{OnFault: func(string, error) { faults.Add(1) }})
				time.Sleep(time.Second)
				w.finish(w.create("p", 1, "a"))
				time.Sleep(time.Minute)
				close(release)
				time.Sleep(10 * time.Minute)
				w.equal("messages", box.causes(), []string{"create", "start", "success"})
				if faults.Load() == 0 {
					t.Error("nobody heard of it")
				}
			})
		})
	}
}
