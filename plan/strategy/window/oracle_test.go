package window_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan/strategy/window"
)

// scenes are zones with a day near which something may happen to their clocks.
func scenes() []struct{ zone, day string } {
	return []struct{ zone, day string }{
		{"Europe/Berlin", "2027-03-28"},
		{"Europe/Berlin", "2026-10-25"},
		{"Europe/Berlin", "2028-12-31"},
		{"Europe/Dublin", "2027-10-31"},
		{"America/New_York", "2027-03-14"},
		{"America/New_York", "2026-11-01"},
		{"America/Havana", "2027-03-14"},
		{"America/Havana", "2026-11-01"},
		{"America/Goose_Bay", "2010-11-07"},
		{"Australia/Lord_Howe", "2026-10-04"},
		{"Australia/Lord_Howe", "2027-04-04"},
		{"America/Nuuk", "2027-03-28"},
		{"America/Nuuk", "2026-10-25"},
		{"Africa/Casablanca", "2026-02-15"},
		{"Africa/Casablanca", "2026-03-22"},
		{"Pacific/Apia", "2011-12-30"},
		{"Pacific/Apia", "2012-04-01"},
		{"Pacific/Kwajalein", "1993-08-21"},
		{"Pacific/Kwajalein", "1969-09-30"},
		{"Asia/Kolkata", "2026-12-31"},
		{"UTC", "2028-02-29"},
	}
}

const (
	minute = 60
	day    = 24 * 60 * minute
	// lead is for how long the oracle watches a clock before it answers.
	lead = 3 * day
)

// oracle answers by the definition: it watches the clock of each zone minute by minute, and an edge
// is where the clock first shows the wall time or a later one. So at any time, the edges of exactly
// those wall times have passed that are not later than the latest time that was shown.
type oracle struct {
	windows []window.Window
	zones   []*time.Location
	// shown is the latest wall time that each clock has shown, in seconds since 1970-01-01 00:00.
	shown []int64
}

func newOracle(windows []window.Window) *oracle {
	o := &oracle{windows: windows, shown: make([]int64, len(windows))}
	for i, w := range windows {
		loc, err := time.LoadLocation(w.Zone)
		if err != nil {
			panic(err)
		}
		o.zones = append(o.zones, loc)
		o.shown[i] = -1 << 62
	}
	return o
}

// watch lets the oracle see what the clocks show at an instant. Instants have to be in order.
func (o *oracle) watch(at int64) {
	for i, loc := range o.zones {
		_, offset := time.Unix(at, 0).In(loc).Zone()
		o.shown[i] = max(o.shown[i], at+int64(offset))
	}
}

// open reports whether the schedule is open at the last instant that was watched.
func (o *oracle) open() bool {
	allowed, only := false, false
	for i, w := range o.windows {
		in := contains(w, o.shown[i])
		if in && w.Kind == window.Deny {
			return false
		}
		only = only || w.Kind == window.Allow
		allowed = allowed || in
	}
	return allowed || !only
}

// contains reports whether a wall time is in a window, of the day itself or of the day before.
func contains(w window.Window, wall int64) bool {
	for _, begins := range []int64{wall, wall - day} {
		date := time.Unix(begins, 0).UTC()
		midnight := date.Truncate(24 * time.Hour).Unix()
		from := midnight + int64(w.From.Hour*60+w.From.Minute)*minute
		to := midnight + int64(w.To.Hour*60+w.To.Minute)*minute
		if to <= from {
			to += day
		}
		if from <= wall && wall < to && matches(w, date) {
			return true
		}
	}
	return false
}

func matches(w window.Window, date time.Time) bool {
	if w.Days != 0 && !w.Days.Has(date.Weekday()) {
		return false
	}
	text := date.Format(time.DateOnly)
	for _, r := range w.Dates {
		if r.First.String() <= text && text <= r.Last.String() {
			return true
		}
	}
	return len(w.Dates) == 0
}

func drawTime(t *rapid.T, name string, last int) window.TimeOfDay {
	// Few values, so that edges meet.
	quarters := rapid.IntRange(0, last).Draw(t, name)
	return window.TimeOfDay{Hour: quarters / 4, Minute: quarters % 4 * 15}
}

func drawWindow(t *rapid.T, zones []string, near time.Time) window.Window {
	w := window.Window{
		Kind: rapid.SampledFrom([]window.Kind{window.Allow, window.Deny}).Draw(t, "kind"),
		Zone: rapid.SampledFrom(zones).Draw(t, "zone"),
		From: drawTime(t, "from", 95),
		To:   drawTime(t, "to", 96),
	}
	if rapid.Bool().Draw(t, "whole days") {
		w.From, w.To = window.TimeOfDay{}, window.TimeOfDay{Hour: 24}
	}
	if rapid.Bool().Draw(t, "with days") {
		w.Days = window.Weekdays(rapid.IntRange(1, 127).Draw(t, "days"))
	}
	if rapid.Bool().Draw(t, "with dates") {
		for range rapid.IntRange(1, 3).Draw(t, "ranges") {
			first := near.AddDate(0, 0, rapid.IntRange(-4, 4).Draw(t, "first"))
			last := first.AddDate(0, 0, rapid.IntRange(0, 3).Draw(t, "further days"))
			w.Dates = append(w.Dates, window.DateRange{First: dateOf(first), Last: dateOf(last)})
		}
	}
	return w
}

func dateOf(t time.Time) window.Date {
	year, month, day := t.Date()
	return window.Date{Year: year, Month: month, Day: day}
}

// TestOracle compares the answers for every minute of some days with those of the oracle.
func TestOracle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		scene := rapid.SampledFrom(scenes()).Draw(t, "scene")
		near, _ := time.Parse(time.DateOnly, scene.day)
		zones := []string{scene.zone, scene.zone, "UTC", "America/New_York"}
		var windows []window.Window
		for range rapid.IntRange(0, 5).Draw(t, "windows") {
			windows = append(windows, drawWindow(t, zones, near))
		}
		s, err := window.New(windows)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, s, windows, near.Unix()-2*day, 4*day)
	})
}

// compare steps through the minutes of an interval, and asks the schedule when its last answer
// ends, and every 97 minutes: in between, the oracle has to agree with the last answer.
func compare(t *rapid.T, s *window.Schedule, windows []window.Window, from, length int64) {
	o := newOracle(windows)
	for at := from - lead; at < from; at += minute {
		o.watch(at)
	}
	var open bool
	var until time.Time
	known := false
	for at := from; at < from+length; at += minute {
		o.watch(at)
		now := time.Unix(at, 0)
		changes := known && now.Equal(until)
		if !known || changes || at%(97*minute) == 0 {
			was := open
			open, until = s.At(now)
			if changes && open == was {
				t.Fatalf("At(%s) said that %v ends at %s", now.UTC(), was, now.UTC())
			}
			known = true
			consistent(t, s, now.Add(time.Duration(now.Minute())), open, until)
		}
		if want := o.open(); open != want {
			t.Fatalf("at %s it is %v, want %v", now.UTC(), open, want)
		}
	}
}

// consistent checks that Next says the same as At.
func consistent(t *rapid.T, s *window.Schedule, now time.Time, open bool, until time.Time) {
	next, ok := s.Next(now)
	switch {
	case open && (!ok || !next.NotBefore.Equal(now) || next.NotAfter != until):
		t.Fatalf("Next(%s) = %v, but it is open until %s", now, next, until)
	case !open && ok != !until.IsZero(), !open && ok && next.NotBefore != until:
		t.Fatalf("Next(%s) = %v, but it is closed until %s", now, next, until)
	case open || !ok:
		return
	}
	before, _ := s.At(next.NotBefore.Add(-1))
	at, end := s.At(next.NotBefore)
	if before || !at || end != next.NotAfter {
		t.Fatalf("Next(%s) = %v, but at its beginning it is %v until %s, and before it %v", now, next, at, end, before)
	}
	if end.IsZero() || end.Sub(next.NotBefore) >= window.Horizon { // then it may stay open
		return
	}
	last, _ := s.At(end.Add(-1))
	after, _ := s.At(end)
	if !last || after {
		t.Fatalf("Next(%s) = %v, but at its end it is %v, and before it %v", now, next, after, last)
	}
}
