package window

import (
	"errors"
	"os"
	"testing"
	"time"
)

// TestHostWithoutZones checks that the fault of a good zone says what the host lacks, when windows
// are checked and not at the time at which one opens.
func TestHostWithoutZones(t *testing.T) {
	t.Parallel()
	calls := 0
	bare := func(name string) (*time.Location, error) {
		calls++
		if name == "UTC" { // which Go knows by itself
			return time.UTC, nil
		}
		return nil, os.ErrNotExist
	}
	windows := []Window{{Kind: Allow, Zone: "Europe/Berlin"}, {Kind: Deny, Zone: "UTC", To: At(1, 0)}}
	want := Fault{
		Field: "Windows[0].Zone",
		Problem: `"Europe/Berlin" is unknown, because this host has no time zone database: ` +
			"install tzdata, or import time/tzdata in the program (file does not exist)",
	}
	_, err := check(windows, time.Unix(0, 0), bare)
	var invalid *InvalidError
	if !errors.As(err, &invalid) || invalid.Total != 1 || invalid.Faults[0] != want {
		t.Errorf("%v, want %v", err, want)
	}
	if _, err := check(windows[1:], time.Unix(0, 0), bare); err != nil {
		t.Errorf("UTC needs no database: %v", err)
	}
	if calls > 5 {
		t.Errorf("%d zones loaded", calls)
	}
}

// TestZonesAreLoadedOnce checks that windows in one zone cost one read of the database.
func TestZonesAreLoadedOnce(t *testing.T) {
	t.Parallel()
	calls := map[string]int{}
	counting := func(name string) (*time.Location, error) {
		calls[name]++
		return time.LoadLocation(name)
	}
	w := Window{Kind: Allow, Zone: "Europe/Berlin"}
	if _, err := compile([]Window{w, w, w}, counting); err != nil || calls["Europe/Berlin"] != 1 {
		t.Errorf("%v, %v", calls, err)
	}
}

// TestOffsetEndOfLeapYear checks the day on which ZoneBounds has a bound that is over: without
// that, a search for an edge would not end.
func TestOffsetEndOfLeapYear(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for at := time.Date(2048, 12, 30, 12, 0, 0, 0, time.UTC); at.Year() < 2049; at = at.Add(time.Hour) {
			end, ends := offsetEnd(loc, at.Unix())
			if !ends || end <= at.Unix() || offsetAt(loc, end-1) != offsetAt(loc, at.Unix()) {
				t.Errorf("in %s the offset at %s is said to end at %s", zone, at, time.Unix(end, 0).UTC())
			}
		}
	}
}
