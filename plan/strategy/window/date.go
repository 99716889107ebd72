package window

import (
	"fmt"
	"strings"
	"time"
)

// Date is a civil date: a page of the calendar, without a zone. Years are 1 to 9999.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// Bounds of dates, and the unit of their numbers.
const (
	maxYear    = 9999
	daySeconds = 24 * 60 * 60
)

// ParseDate reads a date as [Date.String] writes it, "2026-12-24"; an error matches [ErrInvalid].
func ParseDate(s string) (Date, error) {
	year, yearOK := digits(s, 0, 4)
	month, monthOK := digits(s, 5, 2)
	day, dayOK := digits(s, 8, 2)
	d := Date{Year: year, Month: time.Month(month), Day: day}
	if len(s) != len("yyyy-mm-dd") || s[4] != '-' || s[7] != '-' || !yearOK || !monthOK || !dayOK || !d.valid() {
		return Date{}, fmt.Errorf("%w: %.32q is not a date of the calendar, such as 2026-12-24", ErrInvalid, s)
	}
	return d, nil
}

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

// MarshalText writes the date as String does; it fails for a value that is not in the calendar.
func (d Date) MarshalText() ([]byte, error) {
	if !d.valid() {
		return nil, fmt.Errorf("%w: %s is not a date of the calendar", ErrInvalid, d)
	}
	return []byte(d.String()), nil
}

// UnmarshalText is [ParseDate].
func (d *Date) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDate(string(text))
	return err
}

func (d Date) valid() bool {
	// The bounds keep the arithmetic of time.Date from overflowing.
	if d.Year < 1 || d.Year > maxYear || d.Month < time.January || d.Month > time.December || d.Day < 1 || d.Day > 31 {
		return false
	}
	return dateOf(d.number()) == d
}

// number returns how many days after 1970-01-01 the date is.
func (d Date) number() int64 {
	return floorDiv(time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix(), daySeconds)
}

// dateOf returns the date with this number.
func dateOf(number int64) Date {
	year, month, day := time.Unix(number*daySeconds, 0).UTC().Date()
	return Date{Year: year, Month: month, Day: day}
}

// floorDiv returns a / b, rounded down. b is positive.
func floorDiv(a, b int64) int64 {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}

// DateRange is the dates from First to Last, both included.
type DateRange struct {
	First, Last Date
}

// OnDate returns the range of this date alone.
func OnDate(year int, month time.Month, day int) DateRange {
	d := Date{Year: year, Month: month, Day: day}
	return DateRange{First: d, Last: d}
}

// ParseDateRange reads a range as [DateRange.String] writes it: a date, or its first and its last
// date with a slash between them. An error matches [ErrInvalid].
func ParseDateRange(s string) (DateRange, error) {
	first, last, several := strings.Cut(s, "/")
	var r DateRange
	var err error
	if r.First, err = ParseDate(first); err != nil {
		return DateRange{}, err
	}
	if !several {
		return DateRange{First: r.First, Last: r.First}, nil
	}
	if r.Last, err = ParseDate(last); err != nil {
		return DateRange{}, err
	}
	// One date has one form only: equal ranges have equal texts.
	if r.Last.number() <= r.First.number() {
		return DateRange{}, fmt.Errorf("%w: the last date of %.32q is not after the first", ErrInvalid, s)
	}
	return r, nil
}

func (r DateRange) String() string {
	if r.First == r.Last {
		return r.First.String()
	}
	return r.First.String() + "/" + r.Last.String()
}

// MarshalText writes the range as String does; it fails for a range with a fault.
func (r DateRange) MarshalText() ([]byte, error) {
	if problem := r.fault(); problem != "" {
		return nil, fmt.Errorf("%w: %s", ErrInvalid, problem)
	}
	return []byte(r.String()), nil
}

// UnmarshalText is [ParseDateRange].
func (r *DateRange) UnmarshalText(text []byte) (err error) {
	*r, err = ParseDateRange(string(text))
	return err
}

// fault returns what is wrong with r, or "".
func (r DateRange) fault() string {
	for _, d := range []Date{r.First, r.Last} {
		if !d.valid() {
			return d.String() + " is not a date of the calendar"
		}
	}
	if r.Last.number() < r.First.number() {
		return r.String() + " ends before it begins"
	}
	return ""
}
