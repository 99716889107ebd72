package storetest

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

// recorder is a testing.TB that records failures instead of reporting them.
type recorder struct {
	testing.TB // for the methods that do not report failures

	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (r *recorder) note(msg string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, msg)
}

func (r *recorder) Error(args ...any)                 { r.note(fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }
func (r *recorder) Fail()                             { r.note("failed") }

func (r *recorder) FailNow() {
	r.note("failed")
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) {
	r.note(fmt.Sprint(args...))
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.note(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// Skipf counts as a failure: the stores of this package's tests refuse no plan.
func (r *recorder) Skipf(format string, args ...any) {
	r.note("skipped: " + fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// record runs f in a separate goroutine, as tests run, and then its cleanups.
func (r *recorder) record(f func(t testing.TB)) {
	var group sync.WaitGroup
	group.Go(func() { f(r) })
	group.Wait()
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		group.Go(r.cleanups[i])
		group.Wait()
	}
}

// failures runs one case of the suite in a bubble and returns its failures.
func failures(t *testing.T, h Harness, c testCase) []string {
	t.Helper()
	var r recorder
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		r.TB = t
		r.record(func(t testing.TB) {
			t.Helper()
			c.run(newEnv(t, h.withDefaults()))
		})
	})
	return r.failures
}
