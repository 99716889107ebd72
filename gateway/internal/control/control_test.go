package control_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/internal/control"
	"github.com/cutover-go/cutover/redisack/probe"
)

// world is a table in memory and one proxy that serves what it was last given.
type world struct {
	mu    sync.Mutex
	rows  gateway.Rows
	rev   uint64
	live  gateway.Rows
	saves int
	syncs int

	onSave func(ctx context.Context, saved func() error) error // wraps the effect of a Save
	frozen bool                                                // the proxy takes no new table
	asked  func(ctx context.Context)                           // called before an answer
}

func (w *world) Load(context.Context) (gateway.Rows, uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rows, w.rev, nil
}

func (w *world) Save(ctx context.Context, rows gateway.Rows, ifRev uint64) (uint64, error) {
	save := func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.rev != ifRev {
			return gateway.ErrConflict
		}
		w.rows, w.rev = rows, ifRev+1
		w.saves++
		return nil
	}
	if w.onSave != nil {
		return ifRev + 1, w.onSave(ctx, save)
	}
	return ifRev + 1, save()
}

func (w *world) sync(ctx context.Context, load control.Load, _ control.Mode) (uint64, error) {
	rows, rev, err := load(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.syncs++
	if !w.frozen {
		w.live = rows
	}
	return rev, err
}

func (w *world) Probe(ctx context.Context, ep probe.Endpoint) (probe.Observation, error) {
	if w.asked != nil {
		w.asked(ctx)
	}
	if err := ctx.Err(); err != nil {
		return probe.Observation{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	row, ok := w.live[ep.ID]
	if !ok {
		row.Colour = "green"
	}
	return probe.Observation{Version: row.String()}, nil
}

func (w *world) controller() *control.Controller {
	member := control.NewMember("proxy", "", w.sync)
	return control.New(control.Config{
		Kind: "test", Table: w, Members: func(context.Context) ([]*control.Member, error) { return []*control.Member{member}, nil },
		Colours: []string{"green", "blue"}, Default: "green", Prober: w, Answers: 1, Timeout: 5 * time.Second,
	})
}

func toBlue(tenant string) bluegreen.Change {
	return bluegreen.Change{TenantID: tenant, From: "green", To: "blue", Token: 1, Key: "1"}
}

func wantRow(t *testing.T, w *world, tenant, colour string) {
	t.Helper()
	if row := w.rows[tenant]; row.Colour != colour || w.live[tenant] != row {
		t.Errorf("the table has %v, the proxy %v; want %s", row, w.live[tenant], colour)
	}
}

// TestWaitingChangesAreOneSave holds up the first Save until all switches wait.
func TestWaitingChangesAreOneSave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const tenants = 1000
		w := &world{}
		first := make(chan struct{})
		w.onSave = func(_ context.Context, save func() error) error {
			<-first
			return save()
		}
		c := w.controller()
		var all sync.WaitGroup
		for i := range tenants {
			all.Go(func() {
				if err := c.Switch(t.Context(), toBlue(fmt.Sprint("tenant-", i))); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(first)
		all.Wait()
		if w.saves != 2 || w.syncs > 3 || len(w.live) != tenants {
			t.Errorf("%d switches: %d saves, %d synchronisations, %d served", tenants, w.saves, w.syncs, len(w.live))
		}
	})
}

// TestLostAnswerOfSave checks that a change whose Save has taken effect without an answer is
// neither made twice nor forgotten: it is put back if it is not confirmed.
func TestLostAnswerOfSave(t *testing.T) {
	t.Parallel()
	for _, frozen := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{frozen: frozen}
			lost := false
			w.onSave = func(_ context.Context, save func() error) error {
				err := save()
				if !lost {
					lost = true
					return errors.New("connection reset")
				}
				return err
			}
			err := w.controller().Switch(t.Context(), toBlue("acme"))
			if !frozen {
				if err != nil || w.saves != 1 {
					t.Errorf("%v after %d saves", err, w.saves)
				}
				wantRow(t, w, "acme", "blue")
				return
			}
			if err == nil || w.rows["acme"].Colour != "green" || w.saves != 2 {
				t.Errorf("not put back: %v, %v after %d saves", err, w.rows, w.saves)
			}
		})
	}
}

// TestCanceledSaverIsReplaced cancels the caller that saves for others.
func TestCanceledSaverIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		var calls int
		w.onSave = func(ctx context.Context, save func() error) error {
			if calls++; calls == 2 { // the first that saves for several
				<-ctx.Done()
				return ctx.Err()
			}
			return save()
		}
		c := w.controller()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		results := make(chan error, 3)
		hold := make(chan struct{})
		inner := w.onSave
		w.onSave = func(ctx context.Context, save func() error) error {
			if calls == 0 {
				<-hold
			}
			return inner(ctx, save)
		}
		go func() { results <- c.Switch(t.Context(), toBlue("first")) }()
		synctest.Wait()
		go func() { results <- c.Switch(ctx, toBlue("second")) }()
		synctest.Wait()
		go func() { results <- c.Switch(t.Context(), toBlue("third")) }()
		synctest.Wait()
		close(hold)
		synctest.Wait()
		cancel()
		failed := 0
		for range 3 {
			if err := <-results; err != nil {
				failed++
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
		}
		if failed != 1 {
			t.Errorf("%d switches failed", failed)
		}
		wantRow(t, w, "first", "blue")
		wantRow(t, w, "third", "blue")
	})
}

func TestConflictsAreDecidedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		others := 3
		w.onSave = func(_ context.Context, save func() error) error {
			if others--; others >= 0 {
				w.mu.Lock()
				w.rev++ // another process saves
				w.mu.Unlock()
			}
			return save()
		}
		if err := w.controller().Switch(t.Context(), toBlue("acme")); err != nil {
			t.Error(err)
		}
		wantRow(t, w, "acme", "blue")
		others = 1000
		err := w.controller().Switch(t.Context(), toBlue("beta"))
		var failure *executor.Error
		if !errors.As(err, &failure) || failure.Code != "GATEWAY_UNAVAILABLE" || !errors.Is(err, gateway.ErrConflict) {
			t.Errorf("%v", err)
		}
	})
}

// TestUnconfirmedIsPutBack checks the report, and that the proxy can go on serving the old row.
func TestUnconfirmedIsPutBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{frozen: true}
		err := w.controller().Switch(t.Context(), toBlue("acme"))
		var failure *executor.Error
		var unconfirmed *gateway.NotConfirmedError
		if !errors.As(err, &failure) || failure.Code != bluegreen.CodeSwitchNotConfirmed || !failure.Retryable || !errors.As(err, &unconfirmed) {
			t.Fatalf("%v", err)
		}
		if len(unconfirmed.Instances) != 1 || unconfirmed.Instances[0].Found != "green|0|0" || !strings.Contains(err.Error(), "it was put back, which is not confirmed") {
			t.Errorf("%v: %+v", err, unconfirmed)
		}
		if row := w.rows["acme"]; row != (gateway.Row{Colour: "green", Rev: 2, Token: 1}) {
			t.Errorf("the table has %v", row)
		}
	})
}

// TestEndOfTheWaitHidesNoAnswer has a proxy that serves the old row and then answers no more: the
// report is what it served.
func TestEndOfTheWaitHidesNoAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answers := 0
		w := &world{frozen: true}
		w.asked = func(ctx context.Context) {
			if answers++; answers > 1 {
				<-ctx.Done()
			}
		}
		err := w.controller().Switch(t.Context(), toBlue("acme"))
		var failure *executor.Error
		if !errors.As(err, &failure) || failure.Code != bluegreen.CodeSwitchNotConfirmed || !strings.Contains(err.Error(), `proxy serves "green|0|0"`) {
			t.Errorf("%v", err)
		}
	})
}

// TestEndOfTheWaitHidesNoFault is the same with a proxy that first has a fault.
func TestEndOfTheWaitHidesNoFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		broken := errors.New("no such header")
		w.asked = func(ctx context.Context) {
			if broken == nil {
				<-ctx.Done()
			}
		}
		prober := proberFunc(func(ctx context.Context, ep probe.Endpoint) (probe.Observation, error) {
			err := broken
			if broken = nil; err != nil {
				return probe.Observation{}, err
			}
			return w.Probe(ctx, ep)
		})
		c := w.controller()
		c.Prober = prober
		err := c.Switch(t.Context(), toBlue("acme"))
		var failure *executor.Error
		if !errors.As(err, &failure) || failure.Code != "GATEWAY_UNAVAILABLE" || !strings.Contains(err.Error(), "no such header") {
			t.Errorf("%v", err)
		}
	})
}

type proberFunc func(context.Context, probe.Endpoint) (probe.Observation, error)

func (f proberFunc) Probe(ctx context.Context, ep probe.Endpoint) (probe.Observation, error) {
	return f(ctx, ep)
}

// TestProxyThatIsBehindIsAskedOften has a proxy that answers by the new row some time after it was
// given it: the switch is confirmed soon after that.
func TestProxyThatIsBehindIsAskedOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		c := w.controller()
		began := time.Now()
		const live = 333 * time.Millisecond
		c.Prober = proberFunc(func(ctx context.Context, ep probe.Endpoint) (probe.Observation, error) {
			if time.Since(began) < live {
				return probe.Observation{Version: "green|0|0"}, nil
			}
			return w.Probe(ctx, ep)
		})
		if err := c.Switch(t.Context(), toBlue("acme")); err != nil {
			t.Error(err)
		}
		if late := time.Since(began) - live; late > 20*time.Millisecond {
			t.Errorf("confirmed %v after the proxy was up to date", late)
		}
	})
}

// TestConfirmedSwitchDoesNotWait checks that no pause follows the last confirmation.
func TestConfirmedSwitchDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		c := w.controller()
		began := time.Now()
		if err := c.Switch(t.Context(), toBlue("acme")); err != nil {
			t.Error(err)
		}
		if _, err := c.Current(t.Context(), "acme"); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("a switch and a look that nothing held up took %v", took)
		}
	})
}

// TestRefusedIsPutBackOnTheOthers has one proxy of two that takes no change: the failure comes at
// once, when the other one has confirmed the old row.
func TestRefusedIsPutBackOnTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		slow := control.NewMember("slow", "", func(ctx context.Context, load control.Load, _ control.Mode) (uint64, error) {
			rows, rev, err := load(ctx)
			go func() { // uses what it was given later
				time.Sleep(200 * time.Millisecond)
				w.mu.Lock()
				defer w.mu.Unlock()
				w.live = rows
			}()
			return rev, err
		})
		refuses := control.NewMember("refuses", "", func(context.Context, control.Load, control.Mode) (uint64, error) {
			return 0, &gateway.SetupError{Expected: "a map", Found: "none"}
		})
		c := control.New(control.Config{
			Kind: "test", Table: w, Members: func(context.Context) ([]*control.Member, error) { return []*control.Member{slow, refuses}, nil },
			Colours: []string{"green", "blue"}, Default: "green", Prober: w, Answers: 1, Timeout: 5 * time.Second,
		})
		began := time.Now()
		err := c.Switch(t.Context(), toBlue("acme"))
		if !errors.Is(err, gateway.ErrSetup) || !strings.HasSuffix(err.Error(), "; it was put back") {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
		time.Sleep(time.Second) // until the last change is used
		synctest.Wait()
		wantRow(t, w, "acme", "green")
	})
}
