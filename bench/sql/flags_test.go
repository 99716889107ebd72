package sqlbench

import (
	"flag"
	"slices"
	"strings"
	"time"
)

//nolint:gochecknoglobals // the flags of the tests
var (
	tasksFlag    = flag.Int("tasks", 20_000, "tasks of a run with many in flight; slow subjects get a part of them")
	flightFlag   = flag.String("flight", "1,64,512", "how many tasks are in flight, one table each")
	roundsFlag   = flag.Int("rounds", 3, "how often each subject runs, in turns")
	subjectsFlag = flag.String("subjects", "", "the names of those that run; all if empty")
	heldFlag     = flag.Duration("held", 20*time.Second, "how long TestHeld holds a transaction open")
)

// asked reports whether a subject was asked for.
func asked(name string) bool {
	return *subjectsFlag == "" || slices.Contains(strings.Split(*subjectsFlag, ","), name)
}
