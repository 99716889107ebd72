package window_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan/strategy/window"
)

// TestJSON checks the stored form, in both directions.
func TestJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]window.Window{
		`{"kind":"allow","zone":"UTC","from":"00:00","to":"00:00"}`: {Kind: window.Allow, Zone: "UTC"},
		`{"kind":"deny","zone":"Europe/Berlin","days":["mon","fri","sun"],"from":"22:00","to":"24:00"}`: {
			Kind: window.Deny, Zone: "Europe/Berlin", Days: window.On(time.Sunday, time.Friday, time.Monday), From: window.At(22, 0), To: window.At(24, 0),
		},
		`{"kind":"deny","zone":"UTC","dates":["2026-12-24","2026-12-31/2027-01-02"],"from":"07:05","to":"06:59"}`: {
			Kind: window.Deny, Zone: "UTC", From: window.At(7, 5), To: window.At(6, 59),
			Dates: []window.DateRange{
				window.OnDate(2026, time.December, 24),
				{First: window.Date{Year: 2026, Month: time.December, Day: 31}, Last: window.Date{Year: 2027, Month: time.January, Day: 2}},
			},
		},
	} {
		got, err := json.Marshal(want)
		if err != nil || string(got) != text {
			t.Errorf("%+v is written %s, %v, want %s", want, got, err, text)
		}
		var read window.Window
		if err := json.Unmarshal([]byte(text), &read); err != nil || !read.Equal(want) {
			t.Errorf("%s is read %+v, %v", text, read, err)
		}
	}
}

// TestJSONReads checks forms that are read, but not written.
func TestJSONReads(t *testing.T) {
	t.Parallel()
	want := window.Window{Kind: window.Allow, Zone: "UTC", Days: window.On(time.Monday, time.Sunday)}
	for _, text := range []string{
		`{"kind":"allow","zone":"UTC","days":["mon","sun"]}`,
		`{"days":["sun","mon"],"to":"00:00","dates":null,"zone":"UTC","kind":"allow"}`,
		` { "kind" : "allow", "zone": "UTC", "days" : ["sun", "mon"] } `,
	} {
		var read window.Window
		if err := json.Unmarshal([]byte(text), &read); err != nil || !read.Equal(want) {
			t.Errorf("%s is read %+v, %v", text, read, err)
		}
	}
}

// TestJSONRefuses checks that a form with a mistake is never read as some other window.
func TestJSONRefuses(t *testing.T) {
	t.Parallel()
	for _, members := range []string{
		`"kind":"Allow"`, `"kind":""`, `"kind":1`, `"kind":"block"`,
		`"zone":7`,
		`"days":[]`, `"days":["Mon"]`, `"days":["monday"]`, `"days":[""]`, `"days":[1]`, `"days":"mon"`, `"days":["mon","mon"]`, `"days":127`,
		`"dates":[]`, `"dates":["2026-02-30"]`, `"dates":["2026-12-24/2026-12-23"]`, `"dates":["2026-12-24/2026-12-24"]`, `"dates":["2026-12-24/"]`,
		`"dates":["/2026-12-24"]`, `"dates":["2026-12-24/2026-12-25/2026-12-26"]`, `"dates":["12-24"]`, `"dates":"2026-12-24"`, `"dates":[""]`,
		`"from":"7:00"`, `"from":"24:01"`, `"from":"-1:00"`, `"from":420`, `"to":"22"`, `"to":"22:00:00"`, `"to":""`,
		`"except":[]`, `"weekdays":["mon"]`,
	} {
		text := "{" + members + "}"
		read := window.Window{Kind: window.Deny, Zone: "unchanged"}
		if err := json.Unmarshal([]byte(text), &read); !errors.Is(err, window.ErrInvalid) || !read.Equal(window.Window{Kind: window.Deny, Zone: "unchanged"}) {
			t.Errorf("%s is read %+v, %v", text, read, err)
		}
	}
}

// TestInvalidValuesAreNotWritten checks that what could not be read again is not written.
func TestInvalidValuesAreNotWritten(t *testing.T) {
	t.Parallel()
	good := window.Window{Kind: window.Allow, Zone: "UTC"}
	for name, spoil := range map[string]func(*window.Window){
		"no kind":       func(w *window.Window) { w.Kind = 0 },
		"unknown kind":  func(w *window.Window) { w.Kind = 3 },
		"no weekday":    func(w *window.Window) { w.Days = window.On(7) },
		"no date":       func(w *window.Window) { w.Dates = []window.DateRange{{}} },
		"no last date":  func(w *window.Window) { w.Dates = days("2026-12-24"); w.Dates[0].Last = window.Date{} },
		"wrong order":   func(w *window.Window) { w.Dates = days("2026-12-24"); w.Dates[0].Last.Day-- },
		"negative time": func(w *window.Window) { w.From.Hour = -1 },
		"late time":     func(w *window.Window) { w.To = window.At(24, 1) },
	} {
		w := good
		spoil(&w)
		if text, err := json.Marshal(w); !errors.Is(err, window.ErrInvalid) {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
	if text, err := json.Marshal(window.Date{Year: 2026, Month: 2, Day: 29}); !errors.Is(err, window.ErrInvalid) {
		t.Errorf("%s, %v", text, err)
	}
	if text, err := json.Marshal(window.Weekdays(0)); !errors.Is(err, window.ErrInvalid) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	parsers := map[string]func(string) (string, error){
		"TimeOfDay": func(s string) (string, error) { v, err := window.ParseTimeOfDay(s); return v.String(), err },
		"Date":      func(s string) (string, error) { v, err := window.ParseDate(s); return v.String(), err },
		"DateRange": func(s string) (string, error) { v, err := window.ParseDateRange(s); return v.String(), err },
		"Kind":      func(s string) (string, error) { v, err := window.ParseKind(s); return v.String(), err },
		"Weekday": func(s string) (string, error) {
			v, err := window.ParseWeekday(s)
			return window.On(v).String(), err
		},
	}
	good := map[string][]string{
		"TimeOfDay": {"00:00", "07:05", "23:59", "24:00"},
		"Date":      {"0001-01-01", "1999-12-31", "2024-02-29", "2000-02-29", "9999-12-31"},
		"DateRange": {"2026-12-24", "2026-12-24/2027-01-06"},
		"Kind":      {"allow", "deny"},
		"Weekday":   {"mon", "tue", "wed", "thu", "fri", "sat", "sun"},
	}
	bad := map[string][]string{
		"TimeOfDay": {"24:01", "25:00", "12:60", "7:00", "07:0", "0700", "07:00 ", " 7:00", "+7:00", "-1:00", "07:00:00", "07-00", "\u0660\u0667:00"},
		"Date": {
			"0000-01-01", "2026-00-01", "2026-13-01", "2026-01-00", "2026-01-32", "2026-02-29", "2100-02-29", "2026-04-31", "2026-1-1", "26-01-01", "10000-01-01",
			"2026/01/01", "20260101", "+026-01-01", "-026-01-01", "2026-01-01T00:00:00Z", " 2026-01-01",
		},
		"DateRange": {"2026-12-24/", "/2026-12-24", "2026-12-24/2026-12-24", "2026-12-24/2026-12-23", "2026-12-24/2026-12-26/2026-12-27", "2026-12-24--2026-12-26"},
		"Kind":      {"Allow", "DENY", "allow ", "none"},
		"Weekday":   {"Mon", "monday", "mo", "every day", "8"},
	}
	for name, parse := range parsers {
		for _, text := range good[name] {
			if got, err := parse(text); err != nil || got != text {
				t.Errorf("%s: %q is read %s, %v", name, text, got, err)
			}
		}
		for _, text := range append(bad[name], "", strings.Repeat("1", 1<<16), "\x00", "\xff") {
			if got, err := parse(text); !errors.Is(err, window.ErrInvalid) || len(err.Error()) > 250 {
				t.Errorf("%s: %.40q is read %s, %.300v", name, text, got, err)
			}
		}
	}
}

func TestWeekdays(t *testing.T) {
	t.Parallel()
	set := window.On(time.Sunday, time.Monday, time.Sunday)
	if !set.Has(time.Sunday) || set.Has(time.Tuesday) || set.Has(-1) || set.Has(7) || window.On().Has(time.Sunday) {
		t.Errorf("%s", set)
	}
	for want, set := range map[string]window.Weekdays{"mon,sun": set, "every day": window.On(), "Weekdays(0x81)": window.On(time.Sunday, 7)} {
		if set.String() != want {
			t.Errorf("%s, want %s", set, want)
		}
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	base := window.Window{Kind: window.Allow, Zone: "UTC", Days: window.On(time.Monday), Dates: days("2026-12-24"), From: window.At(1, 0), To: window.At(2, 0)}
	same := base
	same.Dates = days("2026-12-24")
	if !base.Equal(same) || !(window.Window{}).Equal(window.Window{Dates: []window.DateRange{}}) {
		t.Error("equal windows differ")
	}
	for name, change := range map[string]func(*window.Window){
		"kind":  func(w *window.Window) { w.Kind = window.Deny },
		"zone":  func(w *window.Window) { w.Zone = "Etc/UTC" },
		"days":  func(w *window.Window) { w.Days = 0 },
		"dates": func(w *window.Window) { w.Dates = days("2026-12-25") },
		"from":  func(w *window.Window) { w.From = window.At(1, 1) },
		"to":    func(w *window.Window) { w.To = window.At(2, 1) },
	} {
		other := base
		change(&other)
		if base.Equal(other) {
			t.Errorf("another %s is equal", name)
		}
	}
}

// TestWindowsSurviveJSON checks that a window that is written and read again is the same.
func TestWindowsSurviveJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawWindow(t, []string{"UTC", "Europe/Berlin"}, time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got window.Window
		if err := json.Unmarshal(text, &got); err != nil || !got.Equal(want) {
			t.Fatalf("%s is read %+v, %v", text, got, err)
		}
	})
}

// FuzzWindow checks that what is read is written in a form that is read as the same window, and
// that New and the schedule take it without a panic.
func FuzzWindow(f *testing.F) {
	for _, text := range []string{
		`{"kind":"allow","zone":"Europe/Berlin","days":["sat","sun"],"from":"22:00","to":"06:00"}`,
		`{"kind":"deny","zone":"UTC","dates":["2026-12-24","2026-12-31/2027-01-02"]}`,
		`{"kind":"deny","zone":"Local","days":[],"from":"24:00","to":"-1:00"}`, `null`, `[]`, `{}`, ``,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var w, again window.Window
		if err := json.Unmarshal(text, &w); err != nil || w.Kind == 0 {
			return
		}
		written, err := json.Marshal(w)
		if err != nil {
			t.Fatalf("%s is read %+v, and not written: %v", text, w, err)
		}
		if err := json.Unmarshal(written, &again); err != nil || !again.Equal(w) {
			t.Errorf("%s is read %+v, written %s, read %+v, %v", text, w, written, again, err)
		}
		now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
		s, err := window.New([]window.Window{w})
		if err != nil {
			return
		}
		if open, _ := s.At(now); !open {
			if next, ok := s.Next(now); ok && !next.NotBefore.After(now) {
				t.Errorf("%s is closed, and opens at %s", written, next.NotBefore)
			}
		}
	})
}

// FuzzParse checks that every text that is read is the one that is written.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"22:00", "24:00", "2026-12-24", "2026-12-31/2027-01-02", "-1:00", "2026-02-30", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if v, err := window.ParseTimeOfDay(text); err == nil && v.String() != text {
			t.Errorf("%q is read %s", text, v)
		}
		if v, err := window.ParseDate(text); err == nil && v.String() != text {
			t.Errorf("%q is read %s", text, v)
		}
		if v, err := window.ParseDateRange(text); err == nil && v.String() != text {
			t.Errorf("%q is read %s", text, v)
		}
	})
}
