package redisstore

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// A stored failure begins with the key of its group, from which two different groups differ,
// whatever bytes code and step have, and is read as it was.
func TestStoredFailures(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("aé\\tn0\t\n\x00\r%\"<\u2028")), 0, 8, -1)
		f := task.FailureInfo{ErrorCode: text.Draw(rt, "code"), Step: text.Draw(rt, "step"), Reason: text.Draw(rt, "reason")}
		stored := string(appendFailure(nil, &f))
		got, err := parseFailure(stored)
		if err != nil || *got != f {
			rt.Fatalf("%q is read as %+v, %v; want %+v", stored, got, err, f)
		}
		if strings.ContainsAny(stored, "\n\x00") {
			rt.Fatalf("%q has bytes that would end a line", stored)
		}
		other := plan.FailureGroup{ErrorCode: text.Draw(rt, "other code"), Step: text.Draw(rt, "other step"), Failed: 3}
		this := plan.FailureGroup{ErrorCode: f.ErrorCode, Step: f.Step, Failed: 2, Acknowledged: 1}
		same := this.ErrorCode == other.ErrorCode && this.Step == other.Step
		keys := [2]string{string(appendGroupKey(nil, this.ErrorCode, this.Step)), string(appendGroupKey(nil, other.ErrorCode, other.Step))}
		if same != (keys[0] == keys[1]) {
			rt.Fatalf("keys %q of %+v and %+v", keys, this, other)
		}
		groups, err := parseGroups("2\t1\t" + keys[0] + "\n3\t0\t" + keys[1] + "\n")
		if same {
			if err == nil {
				rt.Fatalf("one group, twice: %+v", groups)
			}
			return
		}
		if err != nil || len(groups) != 2 || !slices.Contains(groups, this) || !slices.Contains(groups, other) {
			rt.Fatalf("groups %+v, %v; want %+v and %+v", groups, err, this, other)
		}
	})
}

// Groups that make no sense are refused.
func TestNoGroups(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"x", "\n", "1\t0\ta\tb", "1\t0\ta\n", "1\t0\ta\tb\tc\n", "0\t0\ta\tb\n", "1\t2\ta\tb\n", "1\t-1\ta\tb\n", "a\t0\ta\tb\n", "1\t0\ta\tb\nx",
	} {
		if groups, err := parseGroups(text); err == nil {
			t.Errorf("%q is read as %+v", text, groups)
		}
	}
}

// Damaged groups are reported with their key by what needs them; what fails no task goes on.
func TestDamagedGroups(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	for _, value := range []string{"", "x", "1\t0\tCODE\n", "9\t0\tA\tB\n", "1\t1\tA\tB\n1\t1\tA\tB\n"} {
		r := start(t, s, 4, 4)
		jobs := r.claim("w", 2)
		key := s.keys.plan(r.id)
		client.HSet(r.ctx, key, "groups", value)
		if value == "" {
			client.HDel(r.ctx, key, "groups")
		}
		b := store.Batch{Plan: r.id, Changes: []store.Change{
			{Task: jobs[0].ID, Token: jobs[0].Token, Seq: 1, Kind: store.Complete},
			{Task: jobs[1].ID, Token: jobs[1].Token, Seq: 1, Kind: store.Fail, Failure: &task.FailureInfo{ErrorCode: "A"}},
		}}
		r.ok(s.Commit(r.ctx, &b))
		var corrupt *store.CorruptError
		if err := b.Changes[1].Err; b.Changes[0].Err != nil || !errors.As(err, &corrupt) || corrupt.Key != key {
			t.Errorf("groups %q: %v, and the failure: %v", value, b.Changes[0].Err, err)
		}
	}
}
