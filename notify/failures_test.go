package notify_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// 10,000 failures in a minute are at most ten messages, and every failure is counted.
func TestManyFailuresAreFewMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		w.took = time.Second
		var box inbox
		w.notifier(w.engine, &box, notify.Config{
			Filter: notify.Filter{Kinds: []notify.Kind{notify.KindFailures}}, BaseURL: "https://ops.example/rollouts/", Language: "zh-CN",
		})
		time.Sleep(time.Second)
		began := time.Now()
		id := w.create("all fail", 170, numbered("bad", 10_000)...)
		w.finish(id)
		took := time.Since(began)
		time.Sleep(time.Minute)
		failures := 0
		for _, m := range box.messages() {
			failures += m.Failures
			if len(m.Causes) != 1 || m.Causes[0].Code != "GATEWAY_TIMEOUT" || m.Causes[0].Count != m.Failures || len(m.Causes[0].Tenants) != 3 {
				t.Errorf("causes %+v", m.Causes)
			}
			if m.Link != "https://ops.example/rollouts/?plan=1" || !strings.Contains(m.Title, "个任务失败") {
				t.Errorf("%q, link %s", m.Title, m.Link)
			}
		}
		if n := len(box.messages()); failures != 10_000 || n > 10 || n < 2 {
			t.Errorf("%d messages report %d failures of %v", n, failures, took)
		}
	})
}

// The failure that stops a plan is told at once, before the plan's own end.
func TestFailuresComeBeforeWhatTheyCause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		var box inbox
		w.notifier(w.engine, &box, notify.Config{})
		time.Sleep(time.Second)
		p, err := w.engine.Create(t.Context(), plan.Spec{Name: "p", ExecutorType: "MOVE", Tenants: plan.Tenants("a", "bad", "c")})
		w.ok(err)
		w.finish(p.ID)
		time.Sleep(2 * time.Second)
		w.equal("messages", box.causes(), []string{"create", "start", "failures 1", "breach"})
		for _, m := range box.messages()[2:] {
			if m.Severity != notify.Error {
				t.Errorf("%s is a %s", m.Title, m.Severity)
			}
		}
	})
}
