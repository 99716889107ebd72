package window_test

import (
	"math"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan/strategy/window"
)

func berlin(kind window.Kind, from, to string, days ...time.Weekday) window.Window {
	w := window.Window{Kind: kind, Zone: "Europe/Berlin", Days: window.On(days...)}
	w.From, _ = window.ParseTimeOfDay(from)
	w.To, _ = window.ParseTimeOfDay(to)
	return w
}

// TestSchedule asks for the next opening. 2026-06-01 is a Monday; Berlin is at +02:00.
func TestSchedule(t *testing.T) {
	t.Parallel()
	const never = ""
	tests := map[string]struct {
		windows   []window.Window
		at        string
		notBefore string // never, if it does not open any more
		notAfter  string
	}{
		"no windows": {nil, "2026-06-01T12:00:00Z", "2026-06-01T12:00:00Z", never},
		"open now": {
			[]window.Window{berlin(window.Allow, "12:00", "15:00")},
			"2026-06-01T12:00:00+02:00", "2026-06-01T12:00:00+02:00", "2026-06-01T15:00:00+02:00",
		},
		"just over": {
			[]window.Window{berlin(window.Allow, "12:00", "15:00")},
			"2026-06-01T15:00:00+02:00", "2026-06-02T12:00:00+02:00", "2026-06-02T15:00:00+02:00",
		},
		"the night belongs to the day on which it begins": {
			[]window.Window{berlin(window.Allow, "22:00", "06:00", time.Friday)},
			"2026-06-05T03:00:00+02:00", "2026-06-05T22:00:00+02:00", "2026-06-06T06:00:00+02:00",
		},
		"and goes on the next day": {
			[]window.Window{berlin(window.Allow, "22:00", "06:00", time.Friday)},
			"2026-06-06T03:00:00+02:00", "2026-06-06T03:00:00+02:00", "2026-06-06T06:00:00+02:00",
		},
		"an end at the start is on the next day": {
			[]window.Window{berlin(window.Allow, "22:00", "22:00", time.Friday)},
			"2026-06-01T00:00:00Z", "2026-06-05T22:00:00+02:00", "2026-06-06T22:00:00+02:00",
		},
		"without times it is the whole day": {
			[]window.Window{{Kind: window.Allow, Zone: "Europe/Berlin", Days: window.On(time.Friday)}},
			"2026-06-01T00:00:00Z", "2026-06-05T00:00:00+02:00", "2026-06-06T00:00:00+02:00",
		},
		"overlapping windows are one opening": {
			[]window.Window{berlin(window.Allow, "01:00", "03:00"), berlin(window.Allow, "02:00", "04:00"), berlin(window.Allow, "02:30", "02:45")},
			"2026-06-01T00:00:00Z", "2026-06-01T02:00:00+02:00", "2026-06-01T04:00:00+02:00",
		},
		"windows that meet are one opening": {
			[]window.Window{berlin(window.Allow, "03:00", "04:00"), berlin(window.Allow, "01:00", "03:00")},
			"2026-06-01T00:00:00Z", "2026-06-01T02:00:00+02:00", "2026-06-01T04:00:00+02:00",
		},
		"also in different zones": {
			[]window.Window{
				berlin(window.Allow, "12:00", "14:00", time.Monday),
				{Kind: window.Allow, Zone: "America/New_York", Days: window.On(time.Monday), From: window.At(8, 0), To: window.At(9, 0)},
			},
			"2026-06-01T00:00:00Z", "2026-06-01T12:00:00+02:00", "2026-06-01T15:00:00+02:00",
		},
		"days that follow each other are one opening": {
			[]window.Window{berlin(window.Allow, "00:00", "24:00", time.Saturday, time.Sunday, time.Monday)},
			"2026-06-02T12:00:00Z", "2026-06-06T00:00:00+02:00", "2026-06-09T00:00:00+02:00",
		},
		"deny wins": {
			[]window.Window{berlin(window.Allow, "12:00", "15:00"), berlin(window.Deny, "12:00", "14:00", time.Monday)},
			"2026-06-01T00:00:00Z", "2026-06-01T14:00:00+02:00", "2026-06-01T15:00:00+02:00",
		},
		"deny ends an opening": {
			[]window.Window{berlin(window.Deny, "14:00", "18:00", time.Monday), berlin(window.Allow, "12:00", "15:00")},
			"2026-06-01T00:00:00Z", "2026-06-01T12:00:00+02:00", "2026-06-01T14:00:00+02:00",
		},
		"deny takes a day": {
			[]window.Window{berlin(window.Allow, "12:00", "15:00"), {Kind: window.Deny, Zone: "Europe/Berlin", Dates: days("2026-06-01/2026-06-07")}},
			"2026-06-01T00:00:00Z", "2026-06-08T12:00:00+02:00", "2026-06-08T15:00:00+02:00",
		},
		"deny alone leaves the rest open": {
			[]window.Window{{Kind: window.Deny, Zone: "Europe/Berlin", Dates: days("2026-12-24/2026-12-26", "2026-12-31")}},
			"2026-12-25T12:00:00Z", "2026-12-27T00:00:00+01:00", "2026-12-31T00:00:00+01:00",
		},
		"for ever, when its dates are over": {
			[]window.Window{{Kind: window.Deny, Zone: "Europe/Berlin", Dates: days("2026-12-24/2026-12-26", "2026-12-31")}},
			"2026-12-31T12:00:00Z", "2027-01-01T00:00:00+01:00", never,
		},
		"allowed for ever": {
			[]window.Window{{Kind: window.Allow, Zone: "Europe/Berlin"}},
			"2026-12-31T12:00:00Z", "2026-12-31T12:00:00Z", never,
		},
		"allowed for ever but for some dates": {
			[]window.Window{{Kind: window.Allow, Zone: "Europe/Berlin"}, {Kind: window.Deny, Zone: "Europe/Berlin", Dates: days("9999-12-31")}},
			"2026-12-31T12:00:00Z", "2026-12-31T12:00:00Z", "9999-12-31T00:00:00+01:00",
		},
		"denied for ever": {[]window.Window{{Kind: window.Deny, Zone: "Europe/Berlin"}}, "2026-12-31T12:00:00Z", never, never},
		"dates that are over": {
			[]window.Window{{Kind: window.Allow, Zone: "Europe/Berlin", Dates: days("2026-12-24")}},
			"2026-12-25T00:00:00+01:00", never, never,
		},
		"a denied pattern": {
			[]window.Window{berlin(window.Allow, "02:00", "03:00"), berlin(window.Deny, "01:00", "04:00")},
			"2026-06-01T00:00:00Z", never, never,
		},
		"days and dates have both to match": {
			[]window.Window{{Kind: window.Allow, Zone: "Europe/Berlin", Days: window.On(time.Saturday), Dates: days("2026-06-01/2026-06-05", "2026-06-12/2026-06-14")}},
			"2026-06-01T00:00:00Z", "2026-06-13T00:00:00+02:00", "2026-06-14T00:00:00+02:00",
		},
		"days and dates that never meet": {
			[]window.Window{{Kind: window.Allow, Zone: "Europe/Berlin", Days: window.On(time.Saturday), Dates: days("2026-06-01")}},
			"2026-01-01T00:00:00Z", never, never,
		},
		"dates in any order, overlapping and touching": {
			[]window.Window{{Kind: window.Allow, Zone: "UTC", Dates: days("2026-06-05/2026-06-07", "2026-06-01/2026-06-04", "2026-06-02", "2026-06-09")}},
			"2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "2026-06-08T00:00:00Z",
		},
		"a date years ahead": {
			[]window.Window{{Kind: window.Allow, Zone: "UTC", Dates: days("2126-06-05")}},
			"2026-01-01T00:00:00Z", "2126-06-05T00:00:00Z", "2126-06-06T00:00:00Z",
		},
		"denied for a century": {
			[]window.Window{berlin(window.Allow, "02:00", "03:00"), {Kind: window.Deny, Zone: "Europe/Berlin", Dates: days("2026-01-01/2125-12-31")}},
			"2026-06-01T00:00:00Z", "2126-01-01T02:00:00+01:00", "2126-01-01T03:00:00+01:00",
		},
		"opens once a year, while one zone has changed its clock and the other has not": {
			[]window.Window{
				berlin(window.Allow, "06:30", "06:45"),
				{Kind: window.Deny, Zone: "America/New_York", From: window.At(0, 30), To: window.At(0, 45)},
			},
			"2025-04-01T00:00:00Z", "2025-10-26T06:30:00+01:00", "2025-10-26T06:45:00+01:00",
		},
		"deny of New Year's Eve in two zones": {
			[]window.Window{
				{Kind: window.Deny, Zone: "Pacific/Apia", Dates: days("2026-12-31")},
				{Kind: window.Deny, Zone: "America/New_York", Dates: days("2026-12-31")},
			},
			// It ends in Apia, at +13:00, six hours after it has begun in New York.
			"2026-12-30T12:00:00Z", "2027-01-01T00:00:00-05:00", never,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := schedule(t, tt.windows...).Next(instant(t, tt.at))
			var want window.Opening
			if tt.notBefore != never {
				want.NotBefore = instant(t, tt.notBefore).UTC()
			}
			if tt.notAfter != never {
				want.NotAfter = instant(t, tt.notAfter).UTC()
			}
			if got != want || ok != (tt.notBefore != never) {
				t.Errorf("Next = %v, %v, want %v", got, ok, want)
			}
		})
	}
}

// days is like dates, for tables.
func days(ranges ...string) (parsed []window.DateRange) {
	for _, s := range ranges {
		r, err := window.ParseDateRange(s)
		if err != nil {
			panic(err)
		}
		parsed = append(parsed, r)
	}
	return parsed
}

// TestZeroSchedule checks that it is always open, for every time that there is.
func TestZeroSchedule(t *testing.T) {
	t.Parallel()
	var zero window.Schedule
	for _, at := range []time.Time{{}, time.Unix(0, 0), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)} {
		if open, until := zero.At(at); !open || !until.IsZero() {
			t.Errorf("At(%s) = %v until %s", at, open, until)
		}
	}
}

// TestNextKeepsTheInstant checks that an opening that has begun begins at the time that was asked
// about, to the nanosecond and in UTC.
func TestNextKeepsTheInstant(t *testing.T) {
	t.Parallel()
	s := schedule(t, berlin(window.Allow, "12:00", "15:00"))
	at := instant(t, "2026-06-01T12:00:00+02:00").Add(7)
	if got, ok := s.Next(at); !ok || got.NotBefore != at.UTC() {
		t.Errorf("Next(%s) = %v", at, got)
	}
	if got, ok := s.Next(at.Add(-8)); !ok || got.NotBefore != at.Add(-7).UTC() {
		t.Errorf("an instant before: %v", got)
	}
}

// TestOpeningBeyondTheHorizon checks the one case in which NotAfter is not the end: several windows
// that together are always open.
func TestOpeningBeyondTheHorizon(t *testing.T) {
	t.Parallel()
	s := schedule(t, berlin(window.Allow, "00:00", "12:00"), berlin(window.Allow, "12:00", "24:00"))
	at := instant(t, "2026-06-01T12:00:00Z")
	got, ok := s.Next(at)
	if !ok || !got.NotBefore.Equal(at) || got.NotAfter.Sub(at) < window.Horizon {
		t.Fatalf("Next = %v, %v", got, ok)
	}
	if open, _ := s.At(got.NotAfter); !open {
		t.Error("closed at the end of an opening without end")
	}
}

// TestExtremeTimes checks that answers about them come at once.
func TestExtremeTimes(t *testing.T) {
	t.Parallel()
	s := schedule(t, berlin(window.Allow, "22:00", "06:00"), berlin(window.Deny, "23:00", "23:30", time.Sunday))
	for _, at := range []time.Time{
		{},
		time.Unix(math.MinInt64, 0), time.Unix(math.MaxInt64, 0), time.Unix(math.MaxInt64, math.MaxInt64), time.Unix(1<<60, 0), time.Unix(-1<<60, 0),
		time.Date(-290_000_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(290_000_000, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		s.At(at)
		s.Next(at)
	}
	for _, year := range []int{-9999, 0, 1, 9999, 99_999} {
		at := time.Date(year, 6, 1, 12, 0, 0, 0, time.UTC)
		if got, ok := s.Next(at); !ok || got.NotAfter.Sub(got.NotBefore) > 8*time.Hour || got.NotBefore.Sub(at) > 24*time.Hour {
			t.Errorf("Next(%s) = %v, %v", at, got, ok)
		}
	}
}

// worst are 64 windows that take turns all day and never open: the most work there can be.
func worst() (windows []window.Window) {
	for i := range 32 {
		w := window.Window{Kind: window.Allow, Zone: "America/New_York", From: window.At(i/2, i%2*30), To: window.At(i/2, i%2*30+29)}
		windows = append(windows, w, deny(w))
	}
	return windows
}

// TestWorkIsBounded checks that a schedule that looks for an opening in vain gives up.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	windows := worst()
	for i := range windows {
		windows[i].Dates = append(windows[i].Dates, days("0001-01-01/9999-12-31")...)
	}
	if got, ok := schedule(t, windows...).Next(instant(t, "2026-06-01T12:00:00Z")); ok {
		t.Errorf("Next = %v", got)
	}
}

// TestAnswersDoNotAllocate: they are given wherever a plan is decided about.
func TestAnswersDoNotAllocate(t *testing.T) {
	s := schedule(t, typical()...)
	at := instant(t, "2026-06-01T12:00:00Z")
	if n := testing.AllocsPerRun(100, func() { s.At(at) }); n > 0 {
		t.Errorf("At allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { s.Next(at) }); n > 0 {
		t.Errorf("Next allocates %v times", n)
	}
}

// typical are weeknights, without the holidays and without the last days of a quarter.
func typical() []window.Window {
	return []window.Window{
		berlin(window.Allow, "22:00", "06:00", time.Monday, time.Tuesday, time.Wednesday, time.Thursday),
		{Kind: window.Deny, Zone: "Europe/Berlin", Dates: days("2026-12-24/2026-12-26", "2026-12-31/2027-01-01")},
		{Kind: window.Deny, Zone: "Europe/Berlin", Dates: days("2026-03-31", "2026-06-30", "2026-09-30", "2026-12-31")},
	}
}

func BenchmarkAt(b *testing.B) {
	for name, at := range map[string]string{"open": "2026-06-02T00:00:00Z", "closed": "2026-06-02T12:00:00Z", "2050": "2050-06-02T12:00:00Z"} {
		b.Run(name, func(b *testing.B) {
			s, t := schedule(b, typical()...), instant(b, at)
			b.ReportAllocs()
			for b.Loop() {
				s.At(t)
			}
		})
	}
}

func BenchmarkNext(b *testing.B) {
	for name, windows := range map[string][]window.Window{"typical": typical(), "worst": worst()} {
		b.Run(name, func(b *testing.B) {
			s, t := schedule(b, windows...), instant(b, "2026-06-02T12:00:00Z")
			b.ReportAllocs()
			for b.Loop() {
				s.Next(t)
			}
		})
	}
}
