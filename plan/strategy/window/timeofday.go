package window

import "fmt"

// TimeOfDay is a wall time, from 00:00 to 24:00. The zero value is 00:00.
type TimeOfDay struct {
	Hour, Minute int
}

// At returns the time of day hour:minute.
func At(hour, minute int) TimeOfDay { return TimeOfDay{Hour: hour, Minute: minute} }

// ParseTimeOfDay reads a time as [TimeOfDay.String] writes it, "07:30": two digits, a colon, two
// digits, at most 24:00. For anything else it returns an error that matches [ErrInvalid].
func ParseTimeOfDay(s string) (TimeOfDay, error) {
	hour, hourOK := digits(s, 0, 2)
	minute, minuteOK := digits(s, 3, 2)
	t := TimeOfDay{Hour: hour, Minute: minute}
	if len(s) != len("hh:mm") || s[2] != ':' || !hourOK || !minuteOK || !t.valid() {
		return TimeOfDay{}, fmt.Errorf("%w: %.32q is not a time of day from 00:00 to 24:00", ErrInvalid, s)
	}
	return t, nil
}

func (t TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", t.Hour, t.Minute) }

// MarshalText writes the time as String does; it fails for a value that is no time of day.
func (t TimeOfDay) MarshalText() ([]byte, error) {
	if !t.valid() {
		return nil, fmt.Errorf("%w: %s is not a time of day", ErrInvalid, t)
	}
	return []byte(t.String()), nil
}

// UnmarshalText is [ParseTimeOfDay].
func (t *TimeOfDay) UnmarshalText(text []byte) (err error) {
	*t, err = ParseTimeOfDay(string(text))
	return err
}

func (t TimeOfDay) valid() bool {
	return 0 <= t.Hour && 0 <= t.Minute && t.Minute < 60 && (t.Hour < 24 || t == TimeOfDay{Hour: 24})
}

// seconds returns the seconds since midnight.
func (t TimeOfDay) seconds() int64 { return int64(t.Hour)*3600 + int64(t.Minute)*60 }

// digits returns the number that the n bytes of s from i on write, if all of them are digits.
func digits(s string, i, n int) (number int, ok bool) {
	if len(s) < i+n {
		return 0, false
	}
	for _, c := range []byte(s[i : i+n]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		number = number*10 + int(c-'0')
	}
	return number, true
}
