// Package window computes when a plan may begin tasks: maintenance windows in civil time.
//
// A [Window] allows or denies times of day on some days in a zone. A [Schedule], made by [New], is
// a set of windows, and divides time into intervals that are open and intervals that are closed:
//
//   - Without windows everything is open.
//   - With deny windows only, everything is open but their times.
//   - With allow windows, only their times are open, and of those only what no window denies.
//
// # Days are civil dates
//
// A window belongs to the day on which it begins. Its days of the week and its dates choose that
// day, also if the window reaches into the next one: Friday 22:00 to 06:00 ends on Saturday, and
// does not contain Friday 03:00.
//
// # Edges are instants
//
// Clocks are set forward and back, so a wall time may be skipped or shown twice. The edge of a
// wall time is the first instant at which the clock of the zone shows that time or a later one:
//
//	edge(w) = min { t : clock(t) >= w }
//
// A window is open in [edge(from), edge(to)). Less formally: a skipped edge is moved to the end of
// the gap, an edge that is shown twice counts when it is shown first, and a window that lies
// entirely in a gap does not open that day. Two windows that meet in civil time meet in every zone
// on every day, without a gap and without an overlap. docs/windows.md has a table of cases.
//
// [time.Date] has other answers: it moves a skipped 02:30 forward in Berlin and back in New York,
// and of two equal times takes the second in Berlin and the first in New York. So edges are
// computed from the offsets of the zone.
//
// # Who knows the zones
//
// [New] and [Check] read the zone database of the host, or the one that the host has linked by
// importing time/tzdata; nothing else here does I/O, reads a clock or starts a goroutine. Two
// processes whose databases differ have different edges on the days on which their rules differ.
//
// # Errors
//
//	situation                                        match
//	New, Check: windows with faults                  ErrInvalid, *InvalidError with every fault
//	New, Check: the zone or its database is missing  the same; the fault says which
//	Check: windows that never open                   the same
//	a text or JSON form that cannot be parsed        ErrInvalid
//
// [Check] returns warnings of what is valid but suspicious, such as a window that is always denied.
//
// The package imports no other package of the module.
package window
