package redisack

import (
	"testing"

	"pgregory.net/rapid"
)

// loaded returns a fleet with the given members.
func loaded(policy Policy, members ...Endpoint) *fleet {
	policy = policy.complete()
	f := &fleet{policy: &policy}
	f.load(members)
	return f
}

func TestFleetIdentify(t *testing.T) {
	t.Parallel()
	f := loaded(Policy{}, Endpoint{ID: "a", URL: "http://a"}, Endpoint{URL: "http://b"}, Endpoint{URL: "http://c"})
	a, b, c := f.members[0], f.members[1], f.members[2]
	for _, step := range []struct {
		m        *member
		instance string
		who      identity
		holder   *member
	}{
		{a, "", sameMember, nil},
		{a, "a", sameMember, nil},
		{a, "x", otherInstance, nil}, // the expected instance is "a"
		{b, "x", sameMember, nil},    // learned
		{c, "x", otherMember, b},
		{c, "a", otherMember, a},
		{b, "y", sameMember, nil}, // another process now answers at the address
		{c, "x", sameMember, nil}, // so "x" is free again
		{b, "x", otherMember, c},
	} {
		if who, holder := f.identify(step.m, step.instance); who != step.who || holder != step.holder {
			t.Fatalf("%s by %q: %d, %v; want %d, %v", step.m.row.ID, step.instance, who, holder, step.who, step.holder)
		}
	}
	if f.remove(c); f.byInstance["x"] != nil {
		t.Error("an instance is still mapped to a member that is gone")
	}
	if who, _ := f.identify(b, "x"); who != sameMember {
		t.Error("the instance of a member that is gone is not free")
	}
}

// TestFleetFind checks how the entries of a new list are classified, even after instances have
// replaced each other at one address.
func TestFleetFind(t *testing.T) {
	t.Parallel()
	pod := Endpoint{ID: "a", URL: "http://a", Group: "z1"}
	for name, policy := range map[string]Policy{"joiners count": {}, "joiners are ignored": {IgnoreJoiners: true}} {
		f := loaded(policy, pod)
		first := f.members[0]
		moved, regrouped, strange := pod, pod, Endpoint{ID: "n"}
		moved.URL, regrouped.Group = "http://elsewhere", "z2"
		for ep, want := range map[Endpoint]listing{pod: listedSame, moved: listedMoved, regrouped: listedRegroup} {
			if m, got := f.find(ep); m != first || got != want {
				t.Errorf("%s: %+v is %v, %d; want %d", name, ep, m, got, want)
			}
		}
		want := listedNew
		if policy.IgnoreJoiners {
			want = listedSame
		}
		if m, got := f.find(strange); m != nil || got != want {
			t.Errorf("%s: an unknown endpoint is %v, %d", name, m, got)
		}
		f.remove(first)
		second := f.replace(first, "b")
		if policy.IgnoreJoiners != (second == nil) {
			t.Fatalf("%s: the replacement is %v", name, second)
		}
		if m, got := f.find(pod); m != second || got != listedSame {
			t.Errorf("%s: the address of the replaced member belongs to %v, %d", name, m, got)
		}
		if second == nil {
			continue
		}
		f.remove(second)
		third := f.replace(second, "c")
		if m, _ := f.find(pod); m != third {
			t.Errorf("the address of the replaced replacement belongs to %v", m)
		}
		f.remove(third)
		if m, got := f.find(pod); m != nil || got != listedNew {
			t.Errorf("after the last replacement is gone, its address belongs to %v, %d", m, got)
		}
	}
}

func TestFleetMinMembers(t *testing.T) {
	t.Parallel()
	three := []Endpoint{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	for policy, want := range map[int]int{0: 2, 1: 1, 3: 3, -1: 1} {
		if got := loaded(Policy{MinMembers: policy}, three...).minMembers(); got != want {
			t.Errorf("MinMembers %d gives %d, want %d", policy, got, want)
		}
	}
	if f := loaded(Policy{AllowEmpty: true}); f.decide() != met {
		t.Error("an empty fleet that is allowed has not confirmed")
	}
	f := loaded(Policy{}, three...)
	f.remove(f.members[0])
	f.remove(f.members[1])
	if f.decide() != short {
		t.Error("one member of three is enough")
	}
}

// TestTallyEqualsACount checks that, however members change, the tally equals a count over all
// members.
func TestTallyEqualsACount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		groups := []string{"", "z1", "z2"}
		f := loaded(Policy{})
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if len(f.members) == 0 || rapid.IntRange(0, 3).Draw(t, "step") == 0 {
				f.enter(Endpoint{ID: rapid.StringMatching(`[a-z]{8}`).Draw(t, "id"), Group: rapid.SampledFrom(groups).Draw(t, "group")})
				continue
			}
			m := rapid.SampledFrom(f.members).Draw(t, "member")
			f.set(m, status(rapid.IntRange(0, int(statusGone)).Draw(t, "status")))
		}
		want := newTally()
		for _, m := range f.members {
			want.by[m.status]++
			if m.status == statusGone {
				continue
			}
			if want.groups[m.ep.Group] == nil {
				want.groups[m.ep.Group] = new(count)
			}
			for _, n := range []*count{&want.count, want.groups[m.ep.Group]} {
				n.members++
				n.confirmed += one(m.status == statusConfirmed)
				n.failed += one(m.status.failed())
			}
		}
		if f.tally.count != want.count || f.tally.by != want.by || len(f.tally.groups) != len(want.groups) {
			t.Fatalf("%+v, want %+v", f.tally, want)
		}
		for group, n := range want.groups {
			if *f.tally.groups[group] != *n {
				t.Fatalf("group %q: %+v, want %+v", group, f.tally.groups[group], n)
			}
		}
	})
}

func TestStatusNames(t *testing.T) {
	t.Parallel()
	for s := statusPending; s <= statusGone; s++ {
		if s.failed() && !s.final() {
			t.Errorf("%d has failed and is still asked", s)
		}
		if s.reason() == 0 {
			t.Errorf("%d has no reason", s)
		}
	}
}
