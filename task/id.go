package task

import "strconv"

// MaxPerPlan is the maximum number of tasks of one plan.
const MaxPerPlan = 999_999

// MaxPlanID keeps every task id below 2^53, so that ids survive JSON numbers.
const MaxPlanID PlanID = 1<<53/span - 1

const span = 1_000_000

// PlanID identifies a plan. The store assigns growing ids; gaps are allowed.
type PlanID int64

// Valid reports whether id can be a plan's.
func (id PlanID) Valid() bool { return id >= 1 && id <= MaxPlanID }

func (id PlanID) String() string { return strconv.FormatInt(int64(id), 10) }

// ParsePlanID reads a plan's id. It accepts only what String writes. The error is a [*TextError].
func ParsePlanID(s string) (PlanID, error) {
	n, err := parseNumber("plan id", s, func(n int64) bool { return PlanID(n).Valid() }, "a number from 1 to "+MaxPlanID.String())
	return PlanID(n), err
}

// ID identifies a task: the id of its plan times 1,000,000, plus its ordinal. The id of the plan
// follows from the id of the task.
type ID int64

// NewID returns the id of a plan's task. Ordinals count from 1.
func NewID(plan PlanID, ordinal int) ID { return ID(plan)*span + ID(ordinal) }

// ParseID reads an id. It accepts only what String writes, so that an id has only one spelling. The
// error is a [*TextError].
func ParseID(s string) (ID, error) {
	n, err := parseNumber("task id", s, func(n int64) bool { return ID(n).Valid() }, "the plan's id times 1000000 plus the ordinal")
	return ID(n), err
}

// Plan returns the id of the plan that the task belongs to.
func (id ID) Plan() PlanID { return PlanID(id / span) }

// Ordinal returns the task's place in its plan, from 1.
func (id ID) Ordinal() int { return int(id % span) }

// Valid reports whether id can be a task's.
func (id ID) Valid() bool { return id.Plan().Valid() && id.Ordinal() >= 1 }

func (id ID) String() string { return strconv.FormatInt(int64(id), 10) }

// Token is a fencing token: every claim of a task gives it a new, greater one. Every write of a
// worker carries its token, and a stale token is refused. An executor can pass the token to outside
// systems, so that they refuse the stale worker as well.
type Token uint64
