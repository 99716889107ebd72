package window_test

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan/strategy/window"
)

// change is a day on which the clock of a zone jumps, and what windows do around the jump.
type change struct {
	zone  string
	clock string // what the clock does, for the documentation
	cases []edgeCase
}

// edgeCase is a window of one day. opens and closes are in the zone's own time; empty if the window
// has no time that day.
type edgeCase struct {
	date          string
	from, to      string
	opens, closes string
	lasts         time.Duration
}

// changes is the table of docs/windows.md. All of them are past, so that no law moves them.
func changes() []change {
	const h, m = time.Hour, time.Minute
	return []change{
		{"Europe/Berlin", "2026-03-29 from 02:00 to 03:00: a gap", []edgeCase{
			{"2026-03-29", "01:00", "02:30", "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", 1 * h},
			{"2026-03-29", "02:30", "04:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00", 1 * h},
			{"2026-03-29", "01:00", "04:00", "2026-03-29T01:00:00+01:00", "2026-03-29T04:00:00+02:00", 2 * h},
			{"2026-03-29", "02:00", "03:00", "", "", 0},
			{"2026-03-29", "02:15", "02:45", "", "", 0},
			{"2026-03-28", "22:00", "06:00", "2026-03-28T22:00:00+01:00", "2026-03-29T06:00:00+02:00", 7 * h},
			{"2026-03-29", "00:00", "24:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", 23 * h},
			{"2026-03-28", "02:30", "02:30", "2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", 23*h + 30*m},
		}},
		{"Europe/Berlin", "2025-10-26 from 03:00 to 02:00: an overlap", []edgeCase{
			{"2025-10-26", "01:00", "02:30", "2025-10-26T01:00:00+02:00", "2025-10-26T02:30:00+02:00", 90 * m},
			{"2025-10-26", "02:30", "04:00", "2025-10-26T02:30:00+02:00", "2025-10-26T04:00:00+01:00", 150 * m},
			{"2025-10-26", "02:15", "02:45", "2025-10-26T02:15:00+02:00", "2025-10-26T02:45:00+02:00", 30 * m},
			{"2025-10-26", "02:00", "03:00", "2025-10-26T02:00:00+02:00", "2025-10-26T03:00:00+01:00", 2 * h},
			{"2025-10-26", "01:00", "04:00", "2025-10-26T01:00:00+02:00", "2025-10-26T04:00:00+01:00", 4 * h},
			{"2025-10-25", "22:00", "06:00", "2025-10-25T22:00:00+02:00", "2025-10-26T06:00:00+01:00", 9 * h},
			{"2025-10-26", "00:00", "24:00", "2025-10-26T00:00:00+02:00", "2025-10-27T00:00:00+01:00", 25 * h},
		}},
		{"America/New_York", "2026-03-08 from 02:00 to 03:00: a gap", []edgeCase{
			{"2026-03-08", "01:00", "02:30", "2026-03-08T01:00:00-05:00", "2026-03-08T03:00:00-04:00", 1 * h},
			{"2026-03-08", "02:30", "04:00", "2026-03-08T03:00:00-04:00", "2026-03-08T04:00:00-04:00", 1 * h},
			{"2026-03-08", "01:00", "04:00", "2026-03-08T01:00:00-05:00", "2026-03-08T04:00:00-04:00", 2 * h},
			{"2026-03-08", "02:15", "02:45", "", "", 0},
		}},
		{"America/New_York", "2025-11-02 from 02:00 to 01:00: an overlap", []edgeCase{
			{"2025-11-02", "00:00", "01:30", "2025-11-02T00:00:00-04:00", "2025-11-02T01:30:00-04:00", 90 * m},
			{"2025-11-02", "01:30", "03:00", "2025-11-02T01:30:00-04:00", "2025-11-02T03:00:00-05:00", 150 * m},
			{"2025-11-02", "00:00", "04:00", "2025-11-02T00:00:00-04:00", "2025-11-02T04:00:00-05:00", 5 * h},
		}},
		{"America/Havana", "2026-03-08 from 00:00 to 01:00: the day has no midnight", []edgeCase{
			{"2026-03-07", "22:00", "24:00", "2026-03-07T22:00:00-05:00", "2026-03-08T01:00:00-04:00", 2 * h},
			{"2026-03-07", "22:00", "00:30", "2026-03-07T22:00:00-05:00", "2026-03-08T01:00:00-04:00", 2 * h},
			{"2026-03-08", "00:30", "02:00", "2026-03-08T01:00:00-04:00", "2026-03-08T02:00:00-04:00", 1 * h},
			{"2026-03-08", "00:00", "24:00", "2026-03-08T01:00:00-04:00", "2026-03-09T00:00:00-04:00", 23 * h},
		}},
		{"America/Havana", "2025-11-02 from 01:00 to 00:00: midnight comes twice", []edgeCase{
			{"2025-11-01", "22:00", "24:00", "2025-11-01T22:00:00-04:00", "2025-11-02T00:00:00-04:00", 2 * h},
			{"2025-11-01", "22:00", "00:30", "2025-11-01T22:00:00-04:00", "2025-11-02T00:30:00-04:00", 150 * m},
			{"2025-11-02", "00:30", "02:00", "2025-11-02T00:30:00-04:00", "2025-11-02T02:00:00-05:00", 150 * m},
			{"2025-11-02", "00:00", "24:00", "2025-11-02T00:00:00-04:00", "2025-11-03T00:00:00-05:00", 25 * h},
		}},
		{"Australia/Lord_Howe", "2025-10-05 from 02:00 to 02:30: a gap of half an hour", []edgeCase{
			{"2025-10-05", "01:00", "02:15", "2025-10-05T01:00:00+10:30", "2025-10-05T02:30:00+11:00", 1 * h},
			{"2025-10-05", "02:15", "04:00", "2025-10-05T02:30:00+11:00", "2025-10-05T04:00:00+11:00", 90 * m},
			{"2025-10-05", "01:00", "04:00", "2025-10-05T01:00:00+10:30", "2025-10-05T04:00:00+11:00", 150 * m},
			{"2025-10-05", "02:00", "02:30", "", "", 0},
		}},
		{"Australia/Lord_Howe", "2026-04-05 from 02:00 to 01:30: an overlap of half an hour", []edgeCase{
			{"2026-04-05", "01:00", "01:45", "2026-04-05T01:00:00+11:00", "2026-04-05T01:45:00+11:00", 45 * m},
			{"2026-04-05", "01:45", "04:00", "2026-04-05T01:45:00+11:00", "2026-04-05T04:00:00+10:30", 165 * m},
			{"2026-04-05", "01:00", "04:00", "2026-04-05T01:00:00+11:00", "2026-04-05T04:00:00+10:30", 210 * m},
		}},
		{"America/Nuuk", "2026-03-28 from 23:00 to 24:00: the day has no last hour", []edgeCase{
			{"2026-03-28", "22:00", "23:30", "2026-03-28T22:00:00-02:00", "2026-03-29T00:00:00-01:00", 1 * h},
			{"2026-03-28", "22:00", "24:00", "2026-03-28T22:00:00-02:00", "2026-03-29T00:00:00-01:00", 1 * h},
			{"2026-03-28", "23:30", "02:00", "2026-03-29T00:00:00-01:00", "2026-03-29T02:00:00-01:00", 2 * h},
			{"2026-03-28", "23:00", "24:00", "", "", 0},
		}},
		{"America/Nuuk", "2025-10-25 from 24:00 to 23:00: the last hour comes twice", []edgeCase{
			{"2025-10-25", "22:00", "23:30", "2025-10-25T22:00:00-01:00", "2025-10-25T23:30:00-01:00", 90 * m},
			{"2025-10-25", "22:00", "24:00", "2025-10-25T22:00:00-01:00", "2025-10-26T00:00:00-02:00", 3 * h},
			{"2025-10-25", "23:30", "02:00", "2025-10-25T23:30:00-01:00", "2025-10-26T02:00:00-02:00", 210 * m},
		}},
		{"Africa/Casablanca", "2026-02-15 from 03:00 to 02:00, for Ramadan: an overlap", []edgeCase{
			{"2026-02-15", "01:00", "02:30", "2026-02-15T01:00:00+01:00", "2026-02-15T02:30:00+01:00", 90 * m},
			{"2026-02-15", "02:30", "04:00", "2026-02-15T02:30:00+01:00", "2026-02-15T04:00:00Z", 150 * m},
			{"2026-02-15", "01:00", "04:00", "2026-02-15T01:00:00+01:00", "2026-02-15T04:00:00Z", 4 * h},
		}},
		{"Africa/Casablanca", "2026-03-22 from 02:00 to 03:00, after Ramadan: a gap", []edgeCase{
			{"2026-03-22", "01:00", "02:30", "2026-03-22T01:00:00Z", "2026-03-22T03:00:00+01:00", 1 * h},
			{"2026-03-22", "02:30", "04:00", "2026-03-22T03:00:00+01:00", "2026-03-22T04:00:00+01:00", 1 * h},
			{"2026-03-22", "01:00", "04:00", "2026-03-22T01:00:00Z", "2026-03-22T04:00:00+01:00", 2 * h},
		}},
		{"Pacific/Apia", "from 2011-12-29 24:00 to 2011-12-31 00:00: there was no December 30", []edgeCase{
			{"2011-12-29", "22:00", "02:00", "2011-12-29T22:00:00-10:00", "2011-12-31T00:00:00+14:00", 2 * h},
			{"2011-12-30", "00:00", "24:00", "", "", 0},
			{"2011-12-30", "10:00", "12:00", "", "", 0},
			{"2011-12-30", "22:00", "02:00", "2011-12-31T00:00:00+14:00", "2011-12-31T02:00:00+14:00", 2 * h},
			{"2011-12-31", "00:00", "24:00", "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00", 24 * h},
		}},
		{"Pacific/Apia", "2012-04-01 from 04:00 to 03:00: an overlap", []edgeCase{
			{"2012-04-01", "03:30", "05:00", "2012-04-01T03:30:00+14:00", "2012-04-01T05:00:00+13:00", 150 * m},
		}},
	}
}

// more are cases that the documentation does without.
func more() []change {
	const h, m = time.Hour, time.Minute
	return []change{
		{"Pacific/Apia", "2011-09-24, a gap", []edgeCase{
			{"2011-09-24", "02:00", "03:30", "2011-09-24T02:00:00-11:00", "2011-09-24T04:00:00-10:00", 1 * h},
			{"2011-09-24", "03:30", "05:00", "2011-09-24T04:00:00-10:00", "2011-09-24T05:00:00-10:00", 1 * h},
		}},
		{"Pacific/Kwajalein", "no 1993-08-21", []edgeCase{
			{"1993-08-20", "22:00", "24:00", "1993-08-20T22:00:00-12:00", "1993-08-22T00:00:00+12:00", 2 * h},
			{"1993-08-21", "00:00", "24:00", "", "", 0},
		}},
		{"Pacific/Kwajalein", "nearly all of 1969-09-30 comes twice", []edgeCase{
			{"1969-09-30", "22:00", "24:00", "1969-09-30T22:00:00+11:00", "1969-10-01T00:00:00-12:00", 25 * h},
			{"1969-09-30", "00:00", "24:00", "1969-09-30T00:00:00+11:00", "1969-10-01T00:00:00-12:00", 47 * h},
		}},
		{"America/Goose_Bay", "2010-11-07 from 00:01 back to the day before: a day begins when its clock first says so", []edgeCase{
			{"2010-11-06", "22:00", "24:00", "2010-11-06T22:00:00-03:00", "2010-11-07T00:00:00-03:00", 2 * h},
			{"2010-11-07", "00:00", "24:00", "2010-11-07T00:00:00-03:00", "2010-11-08T00:00:00-04:00", 25 * h},
		}},
		{"Asia/Kolkata", "no change", []edgeCase{
			{"2026-03-29", "02:30", "04:00", "2026-03-29T02:30:00+05:30", "2026-03-29T04:00:00+05:30", 90 * m},
		}},
		{"UTC", "no change", []edgeCase{
			{"2026-03-29", "22:00", "22:00", "2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z", 24 * h},
			{"2025-12-31", "22:00", "06:00", "2025-12-31T22:00:00Z", "2026-01-01T06:00:00Z", 8 * h},
		}},
		{"Europe/Berlin", "ends of years and leap days", []edgeCase{
			{"2025-12-31", "22:00", "06:00", "2025-12-31T22:00:00+01:00", "2026-01-01T06:00:00+01:00", 8 * h},
			{"2024-02-29", "00:00", "24:00", "2024-02-29T00:00:00+01:00", "2024-03-01T00:00:00+01:00", 24 * h},
			{"2024-02-28", "22:00", "06:00", "2024-02-28T22:00:00+01:00", "2024-02-29T06:00:00+01:00", 8 * h},
			{"2024-12-31", "02:00", "06:00", "2024-12-31T02:00:00+01:00", "2024-12-31T06:00:00+01:00", 4 * h},
			{"2024-12-31", "22:00", "06:00", "2024-12-31T22:00:00+01:00", "2025-01-01T06:00:00+01:00", 8 * h},
		}},
		{"America/New_York", "the end of a leap year, west of Greenwich", []edgeCase{
			{"2024-12-31", "12:00", "24:00", "2024-12-31T12:00:00-05:00", "2025-01-01T00:00:00-05:00", 12 * h},
			{"2020-12-31", "22:00", "06:00", "2020-12-31T22:00:00-05:00", "2021-01-01T06:00:00-05:00", 8 * h},
		}},
		{"Australia/Lord_Howe", "the end of a leap year, in summer", []edgeCase{
			{"2024-12-31", "22:00", "06:00", "2024-12-31T22:00:00+11:00", "2025-01-01T06:00:00+11:00", 8 * h},
		}},
	}
}

// TestEdges asks for each window from a week before and from an instant before it opens, and for
// the end as well.
func TestEdges(t *testing.T) {
	t.Parallel()
	for _, c := range append(changes(), more()...) {
		for _, e := range c.cases {
			t.Run(c.zone+"/"+e.date+"/"+e.from+"-"+e.to, func(t *testing.T) {
				t.Parallel()
				testEdge(t, c.zone, e)
			})
		}
	}
}

func testEdge(t *testing.T, zone string, e edgeCase) {
	t.Helper()
	s := schedule(t, window.Window{Kind: window.Allow, Zone: zone, Dates: dates(t, e.date), From: clock(t, e.from), To: clock(t, e.to)})
	weekBefore := dates(t, e.date)[0].First
	before := time.Date(weekBefore.Year, weekBefore.Month, weekBefore.Day-7, 0, 0, 0, 0, time.UTC)
	got, ok := s.Next(before)
	if e.opens == "" {
		if open, until := s.At(before); ok || open || !until.IsZero() {
			t.Fatalf("opens at %v", got)
		}
		return
	}
	opens, closes := instant(t, e.opens), instant(t, e.closes)
	if !ok || !got.NotBefore.Equal(opens) || !got.NotAfter.Equal(closes) {
		t.Errorf("Next = %v, %v, want %s until %s", got, ok, opens.UTC(), closes.UTC())
	}
	if closes.Sub(opens) != e.lasts {
		t.Errorf("the case lasts %s, not %s", closes.Sub(opens), e.lasts)
	}
	for _, at := range []struct {
		t    time.Time
		open bool
	}{
		{before, false},
		{opens.Add(-1), false},
		{opens, true},
		{opens.Add(e.lasts / 2), true},
		{closes.Add(-1), true},
		{closes, false},
	} {
		until := opens
		if at.open {
			until = closes
		} else if !at.t.Before(closes) {
			until = time.Time{}
		}
		if open, got := s.At(at.t); open != at.open || !got.Equal(until) {
			t.Errorf("At(%s) = %v until %s, want %v until %s", at.t.UTC(), open, got, at.open, until)
		}
	}
}

// TestNeighborsMeet checks that windows that meet on the clock are one opening, also in a gap or an
// overlap.
func TestNeighborsMeet(t *testing.T) {
	t.Parallel()
	for _, c := range append(changes(), more()...) {
		for _, e := range c.cases {
			whole := window.Window{Kind: window.Allow, Zone: c.zone, Dates: dates(t, e.date)}
			first, second := whole, whole
			first.To, second.From = clock(t, e.from), clock(t, e.from)
			if e.from == "00:00" {
				continue
			}
			before := time.Date(whole.Dates[0].First.Year, whole.Dates[0].First.Month, whole.Dates[0].First.Day-2, 0, 0, 0, 0, time.UTC)
			want, ok := schedule(t, whole).Next(before)
			if got, gotOK := schedule(t, second, first).Next(before); ok != gotOK || got != want {
				t.Errorf("%s on %s: in two parts %v, want %v", c.zone, e.date, got, want)
			}
			if _, ok := schedule(t, whole, deny(first), deny(second)).Next(before); ok {
				t.Errorf("%s on %s: two parts do not deny the whole", c.zone, e.date)
			}
		}
	}
}

func deny(w window.Window) window.Window {
	w.Kind = window.Deny
	return w
}

func schedule(t testing.TB, windows ...window.Window) *window.Schedule {
	t.Helper()
	s, err := window.New(windows)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func clock(t testing.TB, s string) window.TimeOfDay {
	t.Helper()
	parsed, err := window.ParseTimeOfDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func dates(t testing.TB, ranges ...string) (parsed []window.DateRange) {
	t.Helper()
	for _, s := range ranges {
		r, err := window.ParseDateRange(s)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, r)
	}
	return parsed
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
