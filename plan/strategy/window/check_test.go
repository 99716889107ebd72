package window_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan/strategy/window"
)

func june() time.Time { return time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC) }

// TestFaults checks that every fault is named, those of all windows at once.
func TestFaults(t *testing.T) {
	t.Parallel()
	good := window.Window{Kind: window.Allow, Zone: "UTC"}
	spoiled := []func(*window.Window){
		func(w *window.Window) { w.Kind = 0 },
		func(w *window.Window) { w.Kind = 3 },
		func(w *window.Window) { w.Zone = "" },
		func(w *window.Window) { w.Zone = "Local" },
		func(w *window.Window) { w.Zone = "localtime" },
		func(w *window.Window) { w.Zone = "right/Europe/Berlin" },
		func(w *window.Window) { w.Zone = "Mars/Olympus" },
		func(w *window.Window) { w.Zone = "../Europe/Berlin" },
		func(w *window.Window) { w.Zone = strings.Repeat("x", 1<<16) },
		func(w *window.Window) { w.Days = window.On(time.Monday, time.Weekday(-1)) },
		func(w *window.Window) { w.From = window.At(-1, 0) },
		func(w *window.Window) { w.From = window.At(24, 0) },
		func(w *window.Window) { w.From = window.At(12, 60) },
		func(w *window.Window) { w.To = window.At(0, -30) },
		func(w *window.Window) { w.To = window.At(24, 1) },
		func(w *window.Window) {
			w.Dates = []window.DateRange{{}, window.OnDate(2026, 2, 29), {First: window.Date{Year: 2026, Month: 3, Day: 2}, Last: window.Date{Year: 2026, Month: 3, Day: 1}}}
		},
		func(w *window.Window) { w.Dates = make([]window.DateRange, 400); fill(w.Dates) },
		func(w *window.Window) { w.Dates = []window.DateRange{window.OnDate(10_000, 1, 1)} },
		func(w *window.Window) { w.Kind, w.Zone, w.From, w.To = 0, "", window.At(-1, 0), window.At(-1, 0) },
		func(*window.Window) {},
	}
	var windows []window.Window
	for _, spoil := range spoiled {
		w := good
		spoil(&w)
		windows = append(windows, w)
	}
	want := []string{
		"Windows[0].Kind: Kind(0) is neither Allow nor Deny",
		"Windows[1].Kind: Kind(3) is neither Allow nor Deny",
		"Windows[2].Zone: is empty; name an IANA zone, such as Europe/Berlin or UTC",
		`Windows[3].Zone: "Local" differs from host to host; name an IANA zone, such as Europe/Berlin or UTC`,
		`Windows[4].Zone: "localtime" differs from host to host; name an IANA zone, such as Europe/Berlin or UTC`,
		`Windows[5].Zone: "right/Europe/Berlin" is not an IANA zone; leave out the prefix`,
		`Windows[6].Zone: "Mars/Olympus" is unknown in the time zone database of this host (unknown time zone Mars/Olympus)`,
		`Windows[7].Zone: "../Europe/Berlin" is unknown in the time zone database of this host (time: invalid location name)`,
		"Windows[8].Zone: is 65536 bytes, the limit is 64",
		"Windows[9].Days: Weekdays(0x82) contains an invalid day of the week",
		"Windows[10].From: -1:00 is not a time of day from 00:00 to 23:59",
		"Windows[11].From: 24:00 is the end of a day; a window begins at 00:00 of the next one",
		"Windows[12].From: 12:60 is not a time of day from 00:00 to 23:59",
		"Windows[13].To: 00:-30 is not a time of day from 00:00 to 24:00",
		"Windows[14].To: 24:01 is not a time of day from 00:00 to 24:00",
		"Windows[15].Dates[0]: 0000-00-00 is not a date of the calendar",
		"Windows[15].Dates[1]: 2026-02-29 is not a date of the calendar",
		"Windows[15].Dates[2]: 2026-03-02/2026-03-01 ends before it begins",
		"Windows[16].Dates: has 400 entries, the limit is 366",
		"Windows[17].Dates[0]: 10000-01-01 is not a date of the calendar",
		"Windows[18].Kind: Kind(0) is neither Allow nor Deny",
		"Windows[18].From: -1:00 is not a time of day from 00:00 to 23:59",
		"Windows[18].To: -1:00 is not a time of day from 00:00 to 24:00",
		"Windows[18].Zone: is empty; name an IANA zone, such as Europe/Berlin or UTC",
	}
	s, err := window.New(windows)
	if s != nil {
		t.Error("a schedule in spite of faults")
	}
	compareFaults(t, faults(t, err), want)
	warnings, err := window.Check(windows, june())
	if len(warnings) > 0 {
		t.Errorf("%v", warnings)
	}
	compareFaults(t, faults(t, err), want)
	one := &window.InvalidError{Faults: []window.Fault{{Field: "Windows[3].Zone", Problem: "is empty"}}, Total: 1}
	if one.Error() != "window: invalid, 1 fault; Windows[3].Zone: is empty" {
		t.Errorf("one fault: %s", one)
	}
	if text := err.Error(); !strings.HasPrefix(text, "window: invalid, 24 faults; Windows[0].Kind: ") || !strings.HasSuffix(text, "; and 19 more") {
		t.Error(text)
	}
}

func fill(dates []window.DateRange) {
	for i := range dates {
		dates[i] = window.OnDate(2026, 1, 1)
	}
}

func faults(t *testing.T, err error) (texts []string) {
	t.Helper()
	var invalid *window.InvalidError
	if !errors.As(err, &invalid) || !errors.Is(err, window.ErrInvalid) || invalid.Total < len(invalid.Faults) {
		t.Fatalf("%v", err)
	}
	return write(invalid.Faults)
}

func write(faults []window.Fault) (texts []string) {
	for _, f := range faults {
		texts = append(texts, f.Field+": "+f.Problem)
	}
	return texts
}

func compareFaults(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("got  %s\nwant %s", g, w)
		}
	}
}

// TestFaultsAreBounded checks the limits of a set, and of the faults that are listed.
func TestFaultsAreBounded(t *testing.T) {
	t.Parallel()
	windows := make([]window.Window, window.MaxWindows+1)
	for i := range windows {
		windows[i].Dates = make([]window.DateRange, 1000)
	}
	_, err := window.New(windows)
	if texts := faults(t, err); len(texts) != window.MaxFaults || texts[0] != "Windows: are 65, the limit is 64" {
		t.Errorf("%d faults, the first is %s", len(texts), texts[0])
	}
	// The windows beyond the limit are not looked at. Of the others kind, zone, the number of the
	// dates and each of the dates are faults.
	var invalid *window.InvalidError
	if want := 1 + window.MaxWindows*(3+1000); errors.As(err, &invalid) && invalid.Total != want {
		t.Errorf("%d faults in all, want %d", invalid.Total, want)
	}
	windows = windows[:window.MaxWindows]
	for i := range windows {
		windows[i] = window.Window{Kind: window.Deny, Zone: "UTC", From: window.At(1, i%60), Dates: make([]window.DateRange, window.MaxDates)}
		fill(windows[i].Dates)
	}
	if _, err := window.New(windows); err != nil {
		t.Errorf("at the limits: %v", err)
	}
}

// TestCheck checks faults and warnings that depend on the time.
func TestCheck(t *testing.T) {
	t.Parallel()
	const notOpen = "Windows: do not open at 2025-06-01T12:00:00Z or in the 400 days after it and after their last date"
	tests := map[string]struct {
		windows  []window.Window
		warnings []string
		faults   []string
	}{
		"none":    {},
		"typical": {windows: typical()},
		"over": {
			windows:  []window.Window{{Kind: window.Allow, Zone: "UTC", Dates: days("2025-05-01/2025-05-31")}},
			warnings: []string{"Windows[0]: matches no time any more: its dates are over"},
			faults:   []string{notOpen},
		},
		"one of two is over": {
			windows: []window.Window{
				{Kind: window.Allow, Zone: "UTC", Dates: days("2025-05-01/2025-05-31")},
				{Kind: window.Allow, Zone: "UTC", Dates: days("2025-06-01")},
			},
			warnings: []string{"Windows[0]: matches no time any more: its dates are over"},
		},
		"no date is one of the days": {
			windows:  []window.Window{{Kind: window.Deny, Zone: "UTC", Days: window.On(time.Sunday), Dates: days("2025-06-02/2025-06-07")}},
			warnings: []string{"Windows[0]: matches no date: none of its dates is one of its days of the week"},
		},
		"denied for ever": {
			windows: []window.Window{{Kind: window.Deny, Zone: "UTC"}},
			faults:  []string{notOpen},
		},
		"a pattern that is denied": {
			windows:  []window.Window{berlin(window.Allow, "03:00", "04:00"), berlin(window.Deny, "03:00", "05:00")},
			warnings: []string{"Windows[0]: is always denied by other windows"},
			faults:   []string{notOpen},
		},
		"one window that is denied": {
			windows: []window.Window{
				berlin(window.Allow, "10:00", "12:00"),
				berlin(window.Allow, "18:00", "20:00", time.Sunday),
				berlin(window.Deny, "00:00", "24:00", time.Sunday),
			},
			warnings: []string{"Windows[1]: is always denied by other windows"},
		},
		"a deny window beside all that is allowed": {
			windows: []window.Window{
				berlin(window.Allow, "10:00", "12:00"),
				berlin(window.Deny, "12:00", "14:00"),
				berlin(window.Deny, "14:00", "10:00", time.Friday),
				{Kind: window.Deny, Zone: "Europe/Berlin", Dates: days("2025-12-24")},
			},
			warnings: []string{
				"Windows[1]: denies nothing that another window allows",
				"Windows[2]: denies nothing that another window allows",
			},
		},
		"a deny window after all that is allowed": {
			windows: []window.Window{
				{Kind: window.Allow, Zone: "UTC", Dates: days("2025-07-01")},
				{Kind: window.Deny, Zone: "UTC", Days: window.On(time.Sunday)},
				{Kind: window.Deny, Zone: "UTC", Dates: days("2025-07-02")},
			},
			warnings: []string{
				"Windows[1]: denies nothing that another window allows",
				"Windows[2]: denies nothing that another window allows",
			},
		},
		"a deny window that has denied something, and has nothing left": {
			windows: []window.Window{
				{Kind: window.Allow, Zone: "UTC", Dates: days("2025-06-01", "2025-07-01"), From: window.At(10, 0), To: window.At(11, 0)},
				{Kind: window.Deny, Zone: "UTC", Dates: days("2025-06-01")},
			},
			warnings: []string{"Windows[1]: denies nothing that another window allows"},
		},
		"denied for three years": {
			windows: []window.Window{berlin(window.Allow, "10:00", "12:00"), {Kind: window.Deny, Zone: "Europe/Berlin", Dates: days("2025-01-01/2027-12-31")}},
		},
		"denied on so many days that nothing is known": {
			windows: []window.Window{
				{Kind: window.Allow, Zone: "UTC", Dates: days("2025-01-01/2099-12-31"), From: window.At(10, 0), To: window.At(11, 0)},
				{Kind: window.Deny, Zone: "UTC", To: window.At(9, 0)},
			},
		},
		"skipped edges": {
			windows: []window.Window{berlin(window.Allow, "02:30", "04:00"), berlin(window.Allow, "22:00", "02:30", time.Saturday), berlin(window.Deny, "02:00", "02:30")},
			warnings: []string{
				"Windows[0].From: the clock of Europe/Berlin skips 2026-03-29 02:30: it counts as 2026-03-29 03:00 that day",
				"Windows[1].To: the clock of Europe/Berlin skips 2026-03-29 02:30: it counts as 2026-03-29 03:00 that day",
				"Windows[2]: has no time on 2026-03-29: the clock of Europe/Berlin skips it",
			},
		},
		"the edges of a gap are not skipped": {
			windows: []window.Window{berlin(window.Allow, "01:00", "03:00"), berlin(window.Allow, "03:00", "04:00")},
		},
		"a gap at the end of a day": {
			windows: []window.Window{
				{Kind: window.Allow, Zone: "America/Havana", From: window.At(22, 0), To: window.At(24, 0)},
				{Kind: window.Allow, Zone: "America/Havana"},
			},
			warnings: []string{"Windows[0].To: the clock of America/Havana skips 2026-03-08 00:00: it counts as 2026-03-08 01:00 that day"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			warnings, err := window.Check(tt.windows, june())
			compareFaults(t, write(warnings), tt.warnings)
			if err == nil {
				compareFaults(t, nil, tt.faults)
				return
			}
			compareFaults(t, faults(t, err), tt.faults)
			if _, err := window.New(tt.windows); err != nil {
				t.Errorf("New refuses what may have been checked before: %v", err)
			}
		})
	}
}

// TestCheckOfSkippedDay warns of a date that a zone has not had, before it comes.
func TestCheckOfSkippedDay(t *testing.T) {
	t.Parallel()
	windows := []window.Window{
		{Kind: window.Deny, Zone: "Pacific/Apia", Dates: days("2011-12-30")},
		{Kind: window.Allow, Zone: "Pacific/Apia", From: window.At(10, 0), To: window.At(12, 0)},
	}
	warnings, err := window.Check(windows, time.Date(2011, 12, 1, 0, 0, 0, 0, time.UTC))
	compareFaults(t, write(warnings), []string{
		"Windows[0]: matches no time: the clock of Pacific/Apia skips it on 2011-12-30",
		"Windows[1]: has no time on 2011-12-30: the clock of Pacific/Apia skips it",
	})
	if err != nil {
		t.Error(err)
	}
}

// TestCheckInOverlap checks that a window that ended when its end was first shown is over while the
// clock shows its times again.
func TestCheckInOverlap(t *testing.T) {
	t.Parallel()
	w := berlin(window.Allow, "02:15", "02:45")
	w.Dates = days("2025-10-26")
	warnings, err := window.Check([]window.Window{w}, instant(t, "2025-10-26T02:30:00+01:00"))
	compareFaults(t, write(warnings), []string{"Windows[0]: matches no time any more: its dates are over"})
	if !errors.Is(err, window.ErrInvalid) {
		t.Error(err)
	}
}

// TestCheckOfWorstWindows checks that Check comes to an end, too.
func TestCheckOfWorstWindows(t *testing.T) {
	t.Parallel()
	if !sample.Full(t, 20) {
		t.Skip("one of 20 runs with -short checks the worst windows")
	}
	warnings, err := window.Check(worst(), june())
	// 32 are always denied, and of each kind two lie in the gap of New York.
	if len(faults(t, err)) != 1 || len(warnings) != 36 {
		t.Errorf("%d warnings, %v", len(warnings), err)
	}
}
