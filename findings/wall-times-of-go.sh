#!/usr/bin/env bash
# What Go makes of wall times that a zone skips or has twice, and of days counted with AddDate.
#
# Guess: time.Date treats all zones alike: a wall time in a gap comes out after the gap (or always before it), and of
# two equal wall times it takes the first (or always the second). AddDate(0, 0, ±1) comes to the next or previous day.
#
# Seen (Go 1.26.8 with its own zone data): it depends on the sign of the zone's offset. East of Greenwich, and at it,
# 02:30 in a gap comes out after the gap, and of two equal times the second is taken; west of it 02:30 comes out
# before the gap, in Havana and Nuuk on the day before, and the first is taken. (The documentation only says that
# the result is right in one of the two offsets.) So one rule for "02:00 to 04:00, Sundays" has edges that differ by
# an hour between Berlin and New York.
# Days: from midnight, AddDate(0, 0, 1) stays on 7 March 2026 in Havana, where the 8th begins at 01:00: the result is
# 23:00 of the same day, and all later days keep that hour. Backwards over the day that Apia left out in 2011,
# AddDate(0, 0, -1) returns its own argument: who walks back day by day never arrives. Days have to be counted as
# dates, and an edge looked up in the zone's transitions (time.Time.ZoneBounds).
set -euo pipefail

dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"fmt"
	"runtime"
	"time"
	_ "time/tzdata"
)

func main() {
	fmt.Println(runtime.Version())
	for _, c := range []struct{ zone, kind, wall string }{
		{"Europe/Berlin", "gap", "2026-03-29 02:30"},
		{"Europe/London", "gap", "2026-03-29 01:30"},
		{"Australia/Lord_Howe", "gap", "2026-10-04 02:15"},
		{"America/New_York", "gap", "2026-03-08 02:30"},
		{"America/Havana", "gap", "2026-03-08 00:30"},
		{"America/Nuuk", "gap", "2026-03-28 23:30"},
		{"Europe/Berlin", "twice", "2026-10-25 02:30"},
		{"Europe/London", "twice", "2026-10-25 01:30"},
		{"Australia/Lord_Howe", "twice", "2026-04-05 01:45"},
		{"America/New_York", "twice", "2026-11-01 01:30"},
		{"America/Havana", "twice", "2026-11-01 00:30"},
	} {
		t := in(c.zone, c.wall)
		_, end := t.ZoneBounds()
		which := "the second"
		if c.kind == "gap" {
			which = "after the gap"
		}
		if end.Sub(t) < 3*time.Hour && c.kind == "gap" {
			which = "before the gap"
		} else if end.Sub(t) < 3*time.Hour {
			which = "the first"
		}
		fmt.Printf("%s, %s: %s is %s, %s\n", c.zone, c.kind, c.wall, t.Format("2006-01-02 15:04 -0700"), which)
	}
	walk("America/Havana", "2026-03-07 00:00", 1)
	walk("Pacific/Apia", "2012-01-01 12:00", -1)
}

func in(zone, wall string) time.Time {
	l, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	u, err := time.Parse("2006-01-02 15:04", wall)
	if err != nil {
		panic(err)
	}
	return time.Date(u.Year(), u.Month(), u.Day(), u.Hour(), u.Minute(), 0, 0, l)
}

// walk counts three days.
func walk(zone, wall string, step int) {
	t := in(zone, wall)
	fmt.Printf("%s, AddDate by %d: %s", zone, step, t.Format("01-02 15:04"))
	for range 3 {
		t = t.AddDate(0, 0, step)
		fmt.Printf(", %s", t.Format("01-02 15:04"))
	}
	fmt.Println()
}
GO
export GOFLAGS=-mod=mod GOWORK=off GOTOOLCHAIN=go1.26.8
go mod init finding >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[[ $seen == "go1.26.8
Europe/Berlin, gap: 2026-03-29 02:30 is 2026-03-29 03:30 +0200, after the gap
Europe/London, gap: 2026-03-29 01:30 is 2026-03-29 02:30 +0100, after the gap
Australia/Lord_Howe, gap: 2026-10-04 02:15 is 2026-10-04 02:45 +1100, after the gap
America/New_York, gap: 2026-03-08 02:30 is 2026-03-08 01:30 -0500, before the gap
America/Havana, gap: 2026-03-08 00:30 is 2026-03-07 23:30 -0500, before the gap
America/Nuuk, gap: 2026-03-28 23:30 is 2026-03-28 22:30 -0200, before the gap
Europe/Berlin, twice: 2026-10-25 02:30 is 2026-10-25 02:30 +0100, the second
Europe/London, twice: 2026-10-25 01:30 is 2026-10-25 01:30 +0000, the second
Australia/Lord_Howe, twice: 2026-04-05 01:45 is 2026-04-05 01:45 +1030, the second
America/New_York, twice: 2026-11-01 01:30 is 2026-11-01 01:30 -0400, the first
America/Havana, twice: 2026-11-01 00:30 is 2026-11-01 00:30 -0400, the first
America/Havana, AddDate by 1: 03-07 00:00, 03-07 23:00, 03-08 23:00, 03-09 23:00
Pacific/Apia, AddDate by -1: 01-01 12:00, 12-31 12:00, 12-31 12:00, 12-31 12:00" ]]
