package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/cutover-go/cutover/internal/nilcheck"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Config configures a [Handler]. Only Authenticate is required.
type Config struct {
	// Authenticate finds out who sent a request; it is called once for each, but not for the probes
	// health and ready. Its error means 401 and is not shown; a [*ChallengeError] adds a challenge.
	// [AllowAll] and [ReadOnly] are ready-made.
	Authenticate func(*http.Request) (Caller, error)
	// ReasonFor says which commands are refused without a reason. Default: [NeedsReason].
	ReasonFor func(Action) bool
	// SelfApproval allows the waves of a plan to be approved of by who created or started it. By
	// default somebody else has to.
	SelfApproval bool
	// Audit is called after every command with its outcome, also if it was refused. It must return
	// quickly.
	Audit func(context.Context, Command)
	// TrustedOrigins are the origins of other sites, such as "https://ops.example.com", whose pages
	// may send commands. Default: none but the handler's own.
	TrustedOrigins []string
	// ExecutorElsewhere allows plans whose executor type this process does not have, because other
	// processes have it. Default: such a plan is refused.
	ExecutorElsewhere bool
	// Notifiers are those that callers may test, and whose dead letters they may send again.
	// They need not run in this process. Default: none; all that the store knows are still listed.
	Notifiers []*notify.Notifier
	// MaxBody is the maximum size of a request's body in bytes: from 1 KiB to 1 GiB. Default 8 MiB.
	MaxBody int64
	// MaxUpload is the maximum size in bytes of a body with a list of tenants, which is read as a
	// stream: from 1 KiB to 1 GiB. Default 256 MiB.
	MaxUpload int64
	// Logger gets the errors that are not shown. Default: slog.Default.
	Logger *slog.Logger
}

// ChallengeError is an error of Config.Authenticate that tells the client how to sign in.
type ChallengeError struct {
	// Challenge is the value of the header WWW-Authenticate, for instance `Basic realm="ops"`.
	Challenge string
}

func (e *ChallengeError) Error() string { return "ops: " + e.Challenge }

// Command is a command that somebody gave, for an audit log.
type Command struct {
	// Actor is empty if the request was not authenticated.
	Actor  string
	Action Action
	// Plan is 0 for a creation that failed, and for a pause of all running plans; Task is 0 if the
	// command is not about one task.
	Plan plan.ID
	Task task.ID
	// Wave is the number of the wave that was approved of, rejected or rolled back, 0 if the
	// command is not about one.
	Wave int
	// Notifier is the notifier that was tested, or whose dead letters were sent again.
	Notifier string
	Reason   string
	// Status is the HTTP status of the answer; Code says why the command was refused, and is empty
	// if it was not.
	Status int
	Code   string
	// Unchanged and Repeated are as in cutover.PlanResult.
	Unchanged, Repeated bool
	// DryRun means that the command only asked what it would do.
	DryRun bool
}

// NeedsReason reports whether a command destroys, or takes away, so much that its reason is
// required: cancel, rollback, tune, reject, skip and delete; and a note, which is nothing else.
func NeedsReason(a Action) bool {
	switch a {
	case Cancel, Rollback, Tune, Reject, Skip, Note, Delete:
		return true
	case View, ViewData, Create, Start, Pause, Resume, Retry, Add, Approve, Notify:
	}
	return false
}

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("ops: invalid configuration")

// InvalidError names every fault of the arguments of [New]. It matches [ErrInvalid].
type InvalidError struct {
	Faults []string
}

func (e *InvalidError) Error() string {
	return ErrInvalid.Error() + ": " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Bounds and defaults of Config.MaxBody and Config.MaxUpload.
const (
	minBody       = 1 << 10
	defaultBody   = 8 << 20
	defaultUpload = 256 << 20
	maxBody       = 1 << 30
)

func (c Config) withDefaults() Config {
	c.MaxBody, c.MaxUpload = cmp.Or(c.MaxBody, defaultBody), cmp.Or(c.MaxUpload, defaultUpload)
	if c.ReasonFor == nil {
		c.ReasonFor = NeedsReason
	}
	if c.Audit == nil {
		c.Audit = func(context.Context, Command) {}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// validate returns the protection from requests of other sites, or an *[InvalidError].
func (c Config) validate(e Engine) (*http.CrossOriginProtection, error) {
	var faults []string
	if nilcheck.IsNil(e) {
		faults = append(faults, "the engine is nil")
	}
	if c.Authenticate == nil {
		faults = append(faults, "Authenticate is nil; AllowAll is for trials")
	}
	if c.MaxBody < minBody || c.MaxBody > maxBody {
		faults = append(faults, fmt.Sprintf("MaxBody is %d, it must be from %d to %d", c.MaxBody, minBody, maxBody))
	}
	if c.MaxUpload < minBody || c.MaxUpload > maxBody {
		faults = append(faults, fmt.Sprintf("MaxUpload is %d, it must be from %d to %d", c.MaxUpload, minBody, maxBody))
	}
	if slices.Contains(c.Notifiers, nil) {
		faults = append(faults, "Notifiers has nil")
	}
	guard := http.NewCrossOriginProtection()
	for i, origin := range c.TrustedOrigins {
		if err := guard.AddTrustedOrigin(origin); err != nil {
			faults = append(faults, fmt.Sprintf("TrustedOrigins[%d]: %v", i, err))
		}
	}
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	return guard, nil
}
