package ops_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Every class of errors has its code and its status, however it is wrapped.
func TestErrorClasses(t *testing.T) {
	t.Parallel()
	secret := errors.New("secret")
	for _, tt := range []struct {
		err    error
		status int
		code   string
	}{
		{&plan.InvalidError{}, 400, "INVALID_REQUEST"},
		{cutover.ErrUnknownExecutor, 400, "UNKNOWN_EXECUTOR"},
		{errors.Join(&plan.InvalidError{}, cutover.ErrUnknownExecutor), 400, "INVALID_REQUEST"},
		{store.ErrInvalid, 400, "REFUSED_BY_STORE"},
		{&store.InvalidError{}, 400, "REFUSED_BY_STORE"},
		{store.ErrNotFound, 404, "NOT_FOUND"},
		{&plan.StateError{}, 409, "NOT_APPLICABLE"},
		{&plan.SweepsFullError{}, 409, "QUEUE_FULL"},
		{&cutover.CannotUndoError{}, 409, "CANNOT_UNDO"},
		{&store.TenantHeldError{}, 409, "TENANT_HELD"},
		{errors.Join(&store.TenantHeldError{}, &store.TemporaryError{Err: secret}), 409, "TENANT_HELD"},
		{cutover.ErrStarting, 409, "BEING_STARTED"},
		{store.ErrCreating, 409, "BEING_CREATED"},
		{store.ErrConflict, 409, "CONFLICT"},
		{&store.EventsAheadError{}, 409, "EVENTS_AHEAD"},
		{&store.TrimmedError{}, 410, "EVENTS_TRIMMED"},
		{&plan.VersionError{}, 412, "VERSION_MISMATCH"},
		{store.ErrKeyReused, 422, "KEY_REUSED"},
		{&store.CorruptError{}, 500, "CORRUPT"},
		{secret, 500, "INTERNAL"},
		{store.ErrFenced, 500, "INTERNAL"},
		{context.Canceled, 500, "INTERNAL"},
		{&store.TemporaryError{Err: secret}, 503, "STORE_UNAVAILABLE"},
		{&store.TemporaryError{Err: context.DeadlineExceeded}, 503, "STORE_UNAVAILABLE"},
		{context.DeadlineExceeded, 503, "TIMEOUT"},
	} {
		for _, err := range []error{tt.err, fmt.Errorf("plan 7: %w", tt.err)} {
			if status, code := ops.ProblemOf(err); status != tt.status || code != tt.code {
				t.Errorf("%T %v: %d %s, want %d %s", tt.err, err, status, code, tt.status, tt.code)
			}
		}
	}
}

// broken is an engine whose questions fail.
type broken struct {
	ops.Engine
	err error
}

func (b broken) Plan(context.Context, plan.ID) (plan.Plan, error) { return plan.Plan{}, b.err }
func (b broken) Ready(context.Context) error                      { return b.err }

func (b broken) Plans(context.Context, store.PlanQuery) ([]plan.Plan, error) { return nil, b.err }

// What goes wrong inside is logged, and not shown; what may pass says when to try again.
func TestInternalErrorsAreHidden(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err    error
		status int
		retry  string
	}{
		{errors.New("secret"), http.StatusInternalServerError, ""},
		{&store.CorruptError{Key: "secret", Reason: "secret"}, http.StatusInternalServerError, ""},
		{&store.TemporaryError{Err: errors.New("secret")}, http.StatusServiceUnavailable, "1"},
		{&store.TemporaryError{Err: errors.New("secret"), After: 2500 * time.Millisecond}, http.StatusServiceUnavailable, "3"},
		{&store.TemporaryError{Err: errors.New("secret"), After: 1e6 * time.Hour}, http.StatusServiceUnavailable, "3600"},
	} {
		var log bytes.Buffer
		h := mount(t, broken{err: tt.err}, ops.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for _, path := range []string{"plans", "plans/7", "tasks/7000001"} {
			log.Reset()
			r := send(t, h, "GET", path, "")
			if r.status != tt.status || strings.Contains(r.text, "secret") || r.header.Get("Retry-After") != tt.retry {
				t.Errorf("%s: %d %s, Retry-After %q", path, r.status, r.text, r.header.Get("Retry-After"))
			}
			level := map[int]string{http.StatusInternalServerError: "level=ERROR", http.StatusServiceUnavailable: "level=WARN"}[tt.status]
			if !strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), level) {
				t.Errorf("%s: logged %q", path, log.String())
			}
		}
		log.Reset()
		if r := send(t, h, "GET", "ready", ""); r.status != http.StatusServiceUnavailable || r.code() != "NOT_READY" || log.Len() > 0 {
			t.Errorf("ready: %d %s, logged %s", r.status, r.text, log.String())
		}
		if r := send(t, h, "GET", "health", ""); r.status != http.StatusOK {
			t.Errorf("health: %d %s", r.status, r.text)
		}
	}
}

// A client that goes away is no news.
func TestClientThatHasGoneAwayIsNotLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := mount(t, broken{err: fmt.Errorf("plan: %w", context.Canceled)}, ops.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	send(t, h, "GET", "plans/7", "")
	if log.Len() > 0 {
		t.Errorf("logged %s", log.String())
	}
}
