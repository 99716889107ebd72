package haproxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cutover-go/cutover/gateway/internal/control"
)

const (
	// reloadPoll is the time between two looks for the process that takes over.
	reloadPoll = 20 * time.Millisecond
	// reloadAnswers is the number of answers in a row by which the old process is known to be gone:
	// both accept connections until the old one has noticed that it has to stop.
	reloadAnswers = 4
)

var errNotReplaced = errors.New("HAProxy was reloaded, and the old process still answers")

// Reload reloads an instance of the fleet by calling reload, for instance "systemctl reload
// haproxy", and returns when another process of HAProxy answers and is equal to the table.
// Meanwhile no process that shares the table changes the instance: switches wait.
//
// A reload without this can put a switch back for a moment: the new process reads the map file, the
// switch is made and confirmed, and then the new process takes over with what it had read.
//
// The wait for the other process is bounded by Config.Timeout, and a configuration that HAProxy
// refuses fails by that. Reload returns the error of reload unchanged, and a *[gateway.SetupError]
// if the fleet does not list the instance or the table is no [gateway.Locker].
func (g *Gateway) Reload(ctx context.Context, instance string, reload func(context.Context) error) error {
	return g.control.Exclusively(ctx, instance, func(ctx context.Context) error {
		listed, err := g.fleet(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(listed, func(i Instance) bool { return i.Name == instance })
		if i < 0 {
			return fmt.Errorf("the instance %.64q has left the fleet", instance)
		}
		api := newRuntime(listed[i].Socket)
		before, err := api.process(ctx)
		if err != nil {
			return err
		}
		if err := reload(ctx); err != nil {
			return err
		}
		return api.awaitOther(ctx, before, g.control.Timeout)
	})
}

// awaitOther waits until another process alone answers.
func (r runtime) awaitOther(ctx context.Context, before process, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for row := 0; ; {
		now, err := r.process(ctx)
		row++
		if err != nil || now == before {
			row = 0
		}
		if row == reloadAnswers {
			return nil
		}
		if control.Pause(ctx, reloadPoll) != nil {
			return errors.Join(errNotReplaced, err)
		}
	}
}
