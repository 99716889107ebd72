package gateway

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrInvalid is matched by every [*InvalidError].
	ErrInvalid = errors.New("gateway: invalid configuration")
	// ErrSetup is matched by every [*SetupError].
	ErrSetup = errors.New("gateway: the proxy is not set up as expected")
	// ErrNotConfirmed is matched by every [*NotConfirmedError].
	ErrNotConfirmed = errors.New("gateway: not confirmed")
)

// InvalidError lists every fault of a gateway's configuration. It matches [ErrInvalid].
type InvalidError struct{ Faults []string }

func (e *InvalidError) Error() string {
	return "gateway: invalid configuration: " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// SetupError says that a proxy is not configured as the gateway expects, so that trying again is of
// no use. It matches [ErrSetup].
type SetupError struct {
	Expected, Found string
	Err             error // the cause, nil if there is none
}

func (e *SetupError) Error() string { return "expected " + e.Expected + ", found " + e.Found }

// Is reports whether target is [ErrSetup].
func (e *SetupError) Is(target error) bool { return target == ErrSetup }

// Unwrap returns the cause.
func (e *SetupError) Unwrap() error { return e.Err }

// InstanceReport is what one proxy was last found to do with a tenant.
type InstanceReport struct {
	Instance string
	// Confirmed means that the proxy answers requests by the row that is wanted.
	Confirmed bool
	// Found is the value that the proxy served last, empty if it served none.
	Found string
	// Err is why the proxy could not be brought up to date or asked, nil if it could.
	Err error
}

// NotConfirmedError says that not every proxy of the fleet routes a tenant as the table says. It
// matches [ErrNotConfirmed] and the errors of the instances.
type NotConfirmedError struct {
	Tenant string
	Want   Row
	// Instances has a row for each proxy of the fleet.
	Instances []InstanceReport
	// Aftermath says what has become of the change, empty if there was none.
	Aftermath string
}

// maxShown is the maximum number of instances that the message names.
const maxShown = 5

func (e *NotConfirmedError) Error() string {
	var text strings.Builder
	confirmed, shown := 0, 0
	for _, r := range e.Instances {
		switch {
		case r.Confirmed:
			confirmed++
			continue
		case shown == maxShown:
			continue
		case r.Err != nil:
			fmt.Fprintf(&text, "; %s: %v", r.Instance, r.Err)
		default:
			fmt.Fprintf(&text, "; %s serves %q", r.Instance, r.Found)
		}
		shown++
	}
	head := fmt.Sprintf("tenant %s is at %q on %d of %d proxies", e.Tenant, e.Want.String(), confirmed, len(e.Instances))
	if e.Aftermath != "" {
		text.WriteString("; " + e.Aftermath)
	}
	return head + text.String()
}

// Is reports whether target is [ErrNotConfirmed].
func (e *NotConfirmedError) Is(target error) bool { return target == ErrNotConfirmed }

// Unwrap returns the errors of the instances.
func (e *NotConfirmedError) Unwrap() (all []error) {
	for _, r := range e.Instances {
		if r.Err != nil {
			all = append(all, r.Err)
		}
	}
	return all
}
