package task_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/task"
)

func TestIDTellsPlanAndOrdinal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		plan    task.PlanID
		ordinal int
		want    task.ID
		text    string
	}{
		{1, 1, 1_000_001, "1000001"},
		{42, 7, 42_000_007, "42000007"},
		{42, task.MaxPerPlan, 42_999_999, "42999999"},
		{task.MaxPlanID, task.MaxPerPlan, 9_007_199_253_999_999, "9007199253999999"},
	}
	for _, tt := range tests {
		id := task.NewID(tt.plan, tt.ordinal)
		if id != tt.want || id.String() != tt.text || !id.Valid() {
			t.Errorf("NewID(%s, %d) = %s, valid %t", tt.plan, tt.ordinal, id, id.Valid())
		}
		if id.Plan() != tt.plan || id.Ordinal() != tt.ordinal {
			t.Errorf("%s is plan %s, ordinal %d", id, id.Plan(), id.Ordinal())
		}
	}
}

// Every id is exact as a JSON number, which many readers store as a float64.
func TestIDsStayBelow2To53(t *testing.T) {
	t.Parallel()
	const limit = 1 << 53
	if last := task.NewID(task.MaxPlanID, task.MaxPerPlan); last >= limit {
		t.Errorf("the last id is %s, not below 2^53", last)
	}
	if next := task.NewID(task.MaxPlanID+1, task.MaxPerPlan); next < limit {
		t.Errorf("MaxPlanID is smaller than need be: %s is below 2^53", next)
	}
}

func TestIDValid(t *testing.T) {
	t.Parallel()
	tests := []struct {
		id   task.ID
		want bool
	}{
		{0, false},
		{1, false},
		{999_999, false},
		{1_000_000, false},
		{1_000_001, true},
		{2_000_000, false},
		{-1_000_001, false},
		{task.NewID(task.MaxPlanID, 1), true},
		{task.NewID(task.MaxPlanID+1, 1), false},
		{task.NewID(1, task.MaxPerPlan+1), false},
	}
	for _, tt := range tests {
		if got := tt.id.Valid(); got != tt.want {
			t.Errorf("%s.Valid() = %t", tt.id, got)
		}
	}
}

func TestPlanIDValid(t *testing.T) {
	t.Parallel()
	for id, want := range map[task.PlanID]bool{
		-1: false, 0: false, 1: true, task.MaxPlanID: true, task.MaxPlanID + 1: false,
	} {
		if got := id.Valid(); got != want {
			t.Errorf("PlanID(%s).Valid() = %t", id, got)
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "x", "1", "1000000", "-1000001", "+1000001", "01000001", "1000001 ", "1_000_001",
		"1e6", "0xF4241", "9007199254740993", "9223372036854775808", strings.Repeat("9", 1000),
	} {
		id, err := task.ParseID(text)
		if err == nil || id != 0 {
			t.Errorf("ParseID(%q) = %s, want an error", text, id)
		}
		if err != nil && len(err.Error()) > 100 {
			t.Errorf("ParseID of %d bytes answers with %d", len(text), len(err.Error()))
		}
	}
}

func TestIDRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		plan := task.PlanID(rapid.Int64Range(1, int64(task.MaxPlanID)).Draw(t, "plan"))
		ordinal := rapid.IntRange(1, task.MaxPerPlan).Draw(t, "ordinal")
		id, err := task.ParseID(task.NewID(plan, ordinal).String())
		if err != nil || id.Plan() != plan || id.Ordinal() != ordinal {
			t.Fatalf("plan %s, ordinal %d came back as %s, %v", plan, ordinal, id, err)
		}
	})
}

// An id has only one spelling: String writes back what ParseID accepted.
func FuzzParseID(f *testing.F) {
	for _, text := range []string{"1000001", "9007199253999999", "+1000001", "01000001", "", "-5"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := task.ParseID(text)
		switch {
		case err == nil && (id.String() != text || !id.Valid()):
			t.Errorf("ParseID(%q) = %s, valid %t", text, id, id.Valid())
		case err != nil && id != 0:
			t.Errorf("ParseID(%q) returned %s beside its error", text, id)
		}
	})
}
