package window

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Bounds of a set of windows.
const (
	// MaxWindows is the maximum number of windows in a set.
	MaxWindows = 64
	// MaxDates is the maximum number of entries in the Dates of one window.
	MaxDates = 366
)

// Window allows or denies times of day on some days. Its JSON form is
//
//	{"kind":"allow","zone":"Europe/Berlin","days":["sat","sun"],"from":"22:00","to":"06:00"}
//
// in which kind and zone are required. Unknown members are refused, so that a process of an older
// version does not ignore a restriction.
type Window struct {
	// Kind says whether the times are allowed or denied. Required.
	Kind Kind `json:"kind"`
	// Zone is the IANA name of the zone of days, dates and times, such as "Europe/Berlin" or "UTC".
	// Required; "Local" is refused, because it differs from host to host.
	Zone string `json:"zone"`
	// Days are the days of the week on which the window begins. Default: all.
	Days Weekdays `json:"days,omitzero"`
	// Dates are the dates on which the window begins, at most [MaxDates] entries. Default: all.
	// With Days and Dates, a date has to match both.
	Dates []DateRange `json:"dates,omitempty"`
	// From is the time of day at which the window begins. Default 00:00.
	From TimeOfDay `json:"from"`
	// To is the time of day at which the window ends; the window does not contain it. If
	// it is not after From, it is a time of the next day: without From and To, a window lasts from
	// midnight to midnight. 24:00 is the same as 00:00 of the next day.
	To TimeOfDay `json:"to"`
}

// Equal reports whether w and other have the same JSON form.
func (w Window) Equal(other Window) bool {
	return w.Kind == other.Kind && w.Zone == other.Zone && w.Days == other.Days &&
		w.From == other.From && w.To == other.To && slices.Equal(w.Dates, other.Dates)
}

// UnmarshalJSON reads a window; an error matches [ErrInvalid]. It checks the form only: [New] finds
// the faults of the content.
func (w *Window) UnmarshalJSON(data []byte) error {
	type members Window // without this method
	var read members
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); errors.Is(err, ErrInvalid) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if read.Dates != nil && len(read.Dates) == 0 {
		return fmt.Errorf("%w: dates is an empty list; without the member, the window matches every date", ErrInvalid)
	}
	*w = Window(read)
	return nil
}

// Kind is what a window does with its times.
type Kind uint8

// The kinds. The zero Kind is invalid.
const (
	// Allow opens the times of the window, and closes all that no other window allows.
	Allow Kind = iota + 1
	// Deny closes the times of the window, whatever other windows allow.
	Deny
)

func (k Kind) String() string {
	switch k {
	case Allow:
		return "allow"
	case Deny:
		return "deny"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// ParseKind reads a kind as String writes it, "allow" or "deny"; an error matches [ErrInvalid].
func ParseKind(s string) (Kind, error) {
	for _, k := range []Kind{Allow, Deny} {
		if k.String() == s {
			return k, nil
		}
	}
	return 0, fmt.Errorf("%w: %.32q is neither allow nor deny", ErrInvalid, s)
}

// MarshalText writes the kind as String does; it fails for a value that is no kind.
func (k Kind) MarshalText() ([]byte, error) {
	if k != Allow && k != Deny {
		return nil, fmt.Errorf("%w: %s is neither allow nor deny", ErrInvalid, k)
	}
	return []byte(k.String()), nil
}

// UnmarshalText is [ParseKind].
func (k *Kind) UnmarshalText(text []byte) (err error) {
	*k, err = ParseKind(string(text))
	return err
}
