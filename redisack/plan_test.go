package redisack

import (
	"testing"
	"time"
)

const second = time.Second

// scheduled returns a schedule that ends after ten seconds, and members for it.
func scheduled(places, members int) (*schedule, []*member) {
	s := &schedule{limit: 10 * second, places: places}
	list := make([]*member, members)
	for i := range list {
		list[i] = &member{pos: -1, timeout: second}
	}
	return s, list
}

// TestSchedulePlan checks that a member is asked when it is due, that an attempt due after the end
// is made once before the end instead, and that no attempt follows it.
func TestSchedulePlan(t *testing.T) {
	t.Parallel()
	s, members := scheduled(1, 1)
	m := members[0]
	s.plan(0, m, 3*second)
	if s.wakeUp() != 3*second || s.collect(2*second, 0) != nil || s.wants() {
		t.Fatal("the member is due too early")
	}
	if s.collect(3*second, 0); !s.wants() || s.next() != m || s.next() != nil {
		t.Fatal("the member is not due in time")
	}
	s.plan(3*second, m, 20*second)
	if m.due != 9*second {
		t.Fatalf("the last attempt is at %v", m.due)
	}
	s.plan(9*second, m, 2*second)
	if s.agenda.first() != nil || s.wakeUp() != s.limit {
		t.Error("the member is asked after its last attempt")
	}
	s.plan(s.limit, &member{pos: -1, timeout: second}, 0)
	if s.agenda.first() != nil {
		t.Error("an attempt is planned at the end of the run")
	}
}

// TestSchedulePlansNothing checks that a member with a final status is not asked, and that no
// member is asked if polling is off.
func TestSchedulePlansNothing(t *testing.T) {
	t.Parallel()
	s, members := scheduled(2, 2)
	members[0].status = statusConfirmed
	s.plan(0, members[0], 0)
	s.plan(0, members[1], 0)
	s.collect(0, 0)
	members[1].status = statusRejected // while it waits in the queue
	if !s.wants() || s.next() != nil || s.wants() {
		t.Error("a member with a final status is asked")
	}
	s.off = true
	s.plan(0, &member{pos: -1}, 0)
	if s.agenda.first() != nil {
		t.Error("a member is asked although polling is off")
	}
}

// TestScheduleHungAttempt checks that a hung attempt is reported once and is not repeated in
// parallel, and that its result counts as late.
func TestScheduleHungAttempt(t *testing.T) {
	t.Parallel()
	s, members := scheduled(1, 2)
	m := members[0]
	if end := s.begin(0, m); end != second || s.wants() {
		t.Fatalf("the attempt ends at %v", end)
	}
	if hung := s.collect(second+hangGrace-1, second); hung != nil {
		t.Fatal("the attempt counts as hung too early")
	}
	now := second + hangGrace
	if hung := s.collect(now, second); len(hung) != 1 || hung[0] != m {
		t.Fatalf("%v are reported as hung", hung)
	}
	s.plan(now, m, second)
	s.plan(0, members[1], 0)
	if hung := s.collect(now+second, second); hung != nil || s.wants() {
		t.Fatal("the attempt is reported as hung twice, or another attempt takes its place")
	}
	if !s.end(m, false) || s.running != 0 || m.due != now+2*second || !s.wants() {
		t.Errorf("the late attempt: %+v, %d running", m, s.running)
	}
	if s.next() != members[1] {
		t.Error("the place of the late attempt is not free")
	}
}

// TestScheduleSlowShare checks that members that have timed out use at most an eighth of the places
// and come after the others.
func TestScheduleSlowShare(t *testing.T) {
	t.Parallel()
	s, members := scheduled(16, 12)
	for _, m := range members[:10] {
		m.slow = true
	}
	for _, m := range members {
		s.plan(0, m, 0)
	}
	s.collect(0, 0)
	var asked []*member
	for s.wants() {
		m := s.next()
		s.begin(0, m)
		asked = append(asked, m)
	}
	if len(asked) != 4 || asked[0].slow || asked[1].slow || !asked[2].slow || !asked[3].slow {
		t.Fatalf("%d members are asked", len(asked))
	}
	s.end(asked[2], true)
	if !s.wants() || !s.next().slow {
		t.Error("the place in the share of slow members is not free")
	}
}
