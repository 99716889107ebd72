package window_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan/strategy/window"
)

// Weeknights in Berlin, but not over Christmas. The night to Saturday belongs to Friday, so the
// last one of the week is that from Thursday to Friday.
func Example() {
	schedule, err := window.New([]window.Window{
		{
			Kind: window.Allow, Zone: "Europe/Berlin",
			Days: window.On(time.Monday, time.Tuesday, time.Wednesday, time.Thursday),
			From: window.At(22, 0), To: window.At(6, 0),
		},
		{
			Kind: window.Deny, Zone: "Europe/Berlin",
			Dates: []window.DateRange{{
				First: window.Date{Year: 2025, Month: time.December, Day: 24},
				Last:  window.Date{Year: 2025, Month: time.December, Day: 26},
			}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2025, time.December, 23, 12, 0, 0, 0, berlin)
	for range 2 {
		next, ok := schedule.Next(now)
		fmt.Println(ok, next.NotBefore.In(berlin).Format(time.RFC1123), "to", next.NotAfter.In(berlin).Format(time.RFC1123))
		now = next.NotAfter
	}
	// Output:
	// true Tue, 23 Dec 2025 22:00:00 CET to Wed, 24 Dec 2025 00:00:00 CET
	// true Mon, 29 Dec 2025 22:00:00 CET to Tue, 30 Dec 2025 06:00:00 CET
}

// The night in which the clocks are set forward is an hour shorter.
func ExampleSchedule_At() {
	schedule, err := window.New([]window.Window{{Kind: window.Allow, Zone: "Europe/Berlin", From: window.At(22, 0), To: window.At(6, 0)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	open, until := schedule.At(time.Date(2026, time.March, 28, 21, 0, 0, 0, time.UTC))
	fmt.Println(open, until)
	open, until = schedule.At(until)
	fmt.Println(open, until)
	// Output:
	// true 2026-03-29 04:00:00 +0000 UTC
	// false 2026-03-29 20:00:00 +0000 UTC
}

func ExampleWindow() {
	var w window.Window
	text := `{"kind":"deny", "zone":"America/New_York", "days":["mon","fri"], "dates":["2026-12-01/2026-12-31"], "from":"09:30", "to":"16:00"}`
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(w.Kind, w.Zone, w.Days, w.Dates, w.From, w.To)
	fmt.Println(json.Unmarshal([]byte(`{"kind":"deny", "from":"24:01"}`), &w))
	// Output:
	// deny America/New_York mon,fri [2026-12-01/2026-12-31] 09:30 16:00
	// window: invalid: "24:01" is not a time of day from 00:00 to 24:00
}

func ExampleCheck() {
	windows := []window.Window{
		{Kind: window.Allow, Zone: "Europe/Berlin", Days: window.On(time.Sunday), From: window.At(2, 30), To: window.At(5, 0)},
		{Kind: window.Deny, Zone: "Europe/Berlin", Days: window.On(time.Monday)},
	}
	warnings, err := window.Check(windows, time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC))
	fmt.Println(err)
	for _, w := range warnings {
		fmt.Println(w.Field, w.Problem)
	}
	_, err = window.Check([]window.Window{{Kind: window.Allow, Zone: "Europe/Bonn", From: window.At(-2, 0)}}, time.Time{})
	fmt.Println(err)
	// Output:
	// <nil>
	// Windows[0].From the clock of Europe/Berlin skips 2026-03-29 02:30: it counts as 2026-03-29 03:00 that day
	// Windows[1] denies nothing that another window allows
	// window: invalid, 2 faults; Windows[0].From: -2:00 is not a time of day from 00:00 to 23:59; Windows[0].Zone: "Europe/Bonn" is unknown in the time zone database of this host (unknown time zone Europe/Bonn)
}
