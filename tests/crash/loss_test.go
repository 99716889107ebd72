//go:build crash

package crash

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store"
)

// losses returns the rows about deleted data.
func losses(t *testing.T) []row {
	t.Helper()
	all := []row{{
		Name: "FLUSHALL", Extent: crashtest.Short, Do: flush,
		Expect: "reported; no worker hangs or writes into the plan that gets the id next",
	}}
	if crashtest.ExtentOf(t) == crashtest.Quick {
		return all
	}
	shared := redistest.Start(t)
	lost := func(w crashtest.Way, keys ...string) {
		for _, key := range keys {
			prefix := fmt.Sprintf("l%d:", len(all))
			all = append(all, row{
				Name: "deleted: " + key + w.String(), Extent: crashtest.Short, Expect: "repaired or reported, and nobody hangs",
				Do: func(t *testing.T) *site {
					t.Helper()
					s := newSite(t, target{Addrs: []string{shared.Addr()}}, prefix)
					s.Way = w
					return lose(t, s, key)
				},
			})
		}
	}
	lost(crashtest.Way{}, "{p:1}:plan", "{p:1}:n:0", "{p:1}:x:0", "{p:1}:t:0", "{p:1}:held", "{p:1}:loose", "{p:1}:later", "{p:1}:order",
		"{p:1}:events", "{p:1}:history", "{p:1}:commands", "{p:1}:cursors", "{all}:ids", "{all}:plans", "{all}:agenda", "{all}:stamps",
		"version", "lease:*", "tenant:*", "key:*", "{p:1}:*", "*")
	lost(crashtest.Way{Undo: true, InSequence: true}, "{p:1}:plan", "{p:1}:t:0", "{p:1}:held", "{p:1}:order", "{p:1}:*", "tenant:*")
	return all
}

// flush empties the server while workers run a plan. The next plan gets the id of the deleted plan,
// whose executors still run.
func flush(t *testing.T) *site {
	t.Helper()
	s, server := alone(t)
	s.Defs.Pace = 200 * time.Millisecond
	s.Busy(60)
	s.Skip = len(s.Entries())
	if err := server.Client().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Store.Plan(t.Context(), s.Plan); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("reading the plan: %v, want %v", err, store.ErrNotFound)
	}
	lost := s.Plan
	s.look() // the previous client would report once that the plan went back in time
	if s.Begin(60, 8); s.Plan != lost {
		t.Errorf("the next plan is %s, want %s again", s.Plan, lost)
	}
	return s.complete()
}

// lose deletes a random key that matches a pattern while workers run a plan.
func lose(t *testing.T, s *site, pattern string) *site {
	t.Helper()
	first := s.Busy(60)
	key := s.randomKey(pattern)
	if key == "" {
		t.Logf("there is no %s to delete", pattern)
	} else if err := s.rdb.Del(t.Context(), key).Err(); err != nil {
		t.Fatal(err)
	}
	end, _ := s.Way.Ends()
	s.Await("repair or report after the loss of "+key, func() bool {
		p, err := s.Store.Plan(t.Context(), s.Plan)
		return err == nil && p.State == end || s.reported(err)
	})
	p, err := s.Store.Plan(t.Context(), s.Plan)
	repaired := err == nil && p.State == end && p.AtRest()
	t.Logf("%s: repaired: %t, %v", key, repaired, err)
	first.Stop()
	switch {
	case strings.HasSuffix(key, ":events"):
		_, err = s.Store.Events(t.Context(), s.Plan, 0, 0)
		s.tellsLoss(key, err)
	case strings.HasSuffix(key, ":history"):
		_, err = s.Store.PlanEvents(t.Context(), s.Plan, 0, 0)
		s.tellsLoss(key, err)
	case repaired:
		s.Verdict(s.Plan)
	}
	return s
}

// tellsLoss fails the test unless err, the result of reading events, reports that events are lost.
// Lost events cannot be restored; the plan continues without them.
func (s *site) tellsLoss(key string, err error) {
	s.Helper()
	if !errors.Is(err, store.ErrCorrupt) {
		s.Errorf("reading what was in %s: error %v, want %v", key, err, store.ErrCorrupt)
	}
}

// randomKey returns a random key that matches the pattern, or "" if no key does.
func (s *site) randomKey(pattern string) string {
	s.Helper()
	seed := uint64(time.Now().UnixNano())
	glob := s.own.Prefix + pattern
	keys, err := s.rdb.Keys(s.Context(), glob).Result()
	if err != nil {
		s.Fatal(err)
	}
	if len(keys) == 0 {
		return ""
	}
	key := keys[rand.New(rand.NewPCG(seed, 1)).IntN(len(keys))]
	s.Logf("seed %d: %s of %d keys", seed, key, len(keys))
	return key
}

// reported reports whether the loss was noticed: either err, the result of a query, matches
// store.ErrNotFound or store.ErrCorrupt, or a worker recorded a fault about corrupt data in the
// ledger.
func (s *site) reported(err error) bool {
	s.Helper()
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrCorrupt) {
		return true
	}
	for _, e := range s.Entries() {
		if e.Kind == crashtest.Fault && strings.Contains(e.Note, "corrupt") {
			return true
		}
	}
	return false
}
