#!/usr/bin/env bash
# Whether the end of time.Time.ZoneBounds is after the time that was asked about.
#
# Guess: ZoneBounds "returns the bounds of the time zone in effect at time t", so t is in [start, end). Code that goes
# from one change of a clock to the next by taking the end as the next time gets ahead with each step.
#
# Seen (Go 1.26.8 with its own zone data): not on December 31 of leap years. The data lists the changes of past
# decades (New York: up to 2007); later ones come from the rule of the zone, for which Go takes every year for 365
# days. For a time on the 366th day the end is the first instant of that day in UTC: hours before the time asked
# about. The offset and the name are right. Hosts whose data lists changes up to 2037, as Debian's does, show it from
# 2040 on. Who walks by ZoneBounds has to check that the end is later.
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
	for _, zone := range []string{"Europe/Berlin", "America/New_York"} {
		l, err := time.LoadLocation(zone)
		if err != nil {
			panic(err)
		}
		for _, day := range []int{30, 31} {
			for _, year := range []int{2023, 2024, 2028} {
				t := time.Date(year, 12, day, 12, 0, 0, 0, l)
				_, end := t.ZoneBounds()
				verdict := "after it"
				if end.IsZero() {
					verdict = "never"
				} else if !end.After(t) {
					verdict = t.Sub(end).String() + " before it"
				}
				fmt.Printf("%s %s: the end is %s\n", zone, t.Format("2006-01-02 15:04 -0700"), verdict)
			}
		}
	}
}
GO
export GOFLAGS=-mod=mod GOWORK=off GOTOOLCHAIN=go1.26.8
# The zone data of Go itself, not that of this host.
export ZONEINFO=$dir/none.zip
cp "$(go env GOROOT)/lib/time/zoneinfo.zip" "$ZONEINFO"
go mod init finding >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[[ $seen == "go1.26.8
Europe/Berlin 2023-12-30 12:00 +0100: the end is after it
Europe/Berlin 2024-12-30 12:00 +0100: the end is after it
Europe/Berlin 2028-12-30 12:00 +0100: the end is after it
Europe/Berlin 2023-12-31 12:00 +0100: the end is after it
Europe/Berlin 2024-12-31 12:00 +0100: the end is 11h0m0s before it
Europe/Berlin 2028-12-31 12:00 +0100: the end is 11h0m0s before it
America/New_York 2023-12-30 12:00 -0500: the end is after it
America/New_York 2024-12-30 12:00 -0500: the end is after it
America/New_York 2028-12-30 12:00 -0500: the end is after it
America/New_York 2023-12-31 12:00 -0500: the end is after it
America/New_York 2024-12-31 12:00 -0500: the end is 17h0m0s before it
America/New_York 2028-12-31 12:00 -0500: the end is 17h0m0s before it" ]]
