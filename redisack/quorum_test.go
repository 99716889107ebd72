package redisack

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestQuorum(t *testing.T) {
	t.Parallel()
	of := func(members, confirmed, failed int) count { return count{members, confirmed, failed} }
	cases := []struct {
		quorum Quorum
		count  count
		want   decision
	}{
		{All(), of(3, 3, 0), met},
		{All(), of(3, 2, 0), undecided},
		{All(), of(3, 2, 1), impossible},
		{All(), of(0, 0, 0), met},
		{AtLeast(2), of(3, 2, 1), met},
		{AtLeast(2), of(3, 0, 1), undecided},
		{AtLeast(2), of(3, 1, 2), impossible},
		{AtLeast(4), of(3, 3, 0), short},
		{Percent(99), of(50, 49, 0), undecided},
		{Percent(99), of(50, 49, 1), impossible},
		{Percent(99), of(50, 50, 0), met},
		{Percent(50), of(3, 1, 0), undecided},
		{Percent(50), of(3, 2, 1), met},
		{Percent(100), of(3, 2, 0), undecided},
		{Percent(1), of(1000, 10, 0), met},
		{Percent(1), of(1001, 10, 0), undecided},
		{Every(Percent(50), AtLeast(3)), of(4, 2, 0), undecided},
		{Every(Percent(50), AtLeast(3)), of(4, 2, 2), impossible},
		{Every(Percent(50), AtLeast(3)), of(4, 3, 1), met},
		{Every(AtLeast(4), AtLeast(1)), of(3, 0, 2), short},
		{Every(AtLeast(4), AtLeast(2)), of(3, 0, 2), impossible},
	}
	for _, tc := range cases {
		t.Run(fmt.Sprint(tc.quorum, tc.count), func(t *testing.T) {
			t.Parallel()
			if got := tc.quorum.decide(counts{count: tc.count}); got != tc.want {
				t.Errorf("%d, want %d", got, tc.want)
			}
		})
	}
}

// TestQuorumPerGroup checks that a good average does not hide a zone in which no member has
// confirmed.
func TestQuorumPerGroup(t *testing.T) {
	t.Parallel()
	zones := counts{
		count:  count{members: 100, confirmed: 95},
		groups: map[string]*count{"a": {members: 95, confirmed: 95}, "b": {members: 5}},
	}
	if got := Percent(95).decide(zones); got != met {
		t.Errorf("95 percent overall: %d", got)
	}
	both := Every(Percent(95), PerGroup(Percent(50)))
	if got := both.decide(zones); got != undecided {
		t.Errorf("with half of each zone: %d", got)
	}
	zones.groups["b"].failed = 3
	if got := both.decide(zones); got != impossible {
		t.Errorf("with a zone that cannot: %d", got)
	}
	zones.groups["b"] = &count{members: 5, confirmed: 3, failed: 2}
	if got := both.decide(zones); got != met {
		t.Errorf("with all zones good: %d", got)
	}
}

// TestQuorumProperty checks for All, AtLeast and Percent that the quorum is met if and only if
// enough members have confirmed, and impossible if and only if there would be too few even if all
// open members confirmed.
func TestQuorumProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.IntRange(1, 200).Draw(t, "members")
		confirmed := rapid.IntRange(0, members).Draw(t, "confirmed")
		failed := rapid.IntRange(0, members-confirmed).Draw(t, "failed")
		p := rapid.IntRange(1, 100).Draw(t, "percent")
		n := rapid.IntRange(1, members).Draw(t, "n")
		c := count{members, confirmed, failed}
		for _, q := range []struct {
			quorum Quorum
			holds  func(confirmed int) bool
		}{
			{All(), func(k int) bool { return k == members }},
			{AtLeast(n), func(k int) bool { return k >= n }},
			{Percent(p), func(k int) bool { return 100*k >= p*members }},
		} {
			want := undecided
			switch {
			case q.holds(confirmed):
				want = met
			case !q.holds(members - failed):
				want = impossible
			}
			if got := q.quorum.decide(counts{count: c}); got != want {
				t.Fatalf("%v of %+v: %d, want %d", q.quorum, c, got, want)
			}
		}
	})
}
