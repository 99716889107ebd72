package ops_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// All running plans are paused at once, but those that the caller may not view or not pause; the
// others stay as they are. A dry run says the same and does nothing.
func TestPauseAllPlans(t *testing.T) {
	t.Parallel()
	caller := limited{"eve", func(a ops.Action, p *plan.Plan) bool {
		return p == nil || p.ID != 2 && (p.ID != 3 || a != ops.Pause)
	}}
	var heard []ops.Command
	s := newSite(t, nil, ops.Config{Authenticate: as(caller), Audit: func(_ context.Context, c ops.Command) { heard = append(heard, c) }})
	for i := range 6 {
		if s.create(plan.Spec{}, fmt.Sprint("t", i)); i < 5 {
			s.start(plan.ID(i + 1))
		}
	}
	dry := s.send("POST", "plans/pause", `{"dryRun":true}`)
	if dry.status != http.StatusOK || fmt.Sprint(dry.body) != "map[dryRun:true plans:[5 4 1] unchanged:0]" {
		t.Errorf("%d %s", dry.status, dry.text)
	}
	if p, err := s.engine.Plan(t.Context(), 1); err != nil || p.State != plan.Running {
		t.Errorf("a dry run leaves it %s: %v", p.State, err)
	}
	r := s.send("POST", "plans/pause", `{"reason":"fire"}`)
	if r.status != http.StatusOK || fmt.Sprint(r.body) != "map[plans:[5 4 1] unchanged:0]" {
		t.Errorf("%d %s", r.status, r.text)
	}
	var states []string
	for id := range plan.ID(6) {
		p, err := s.engine.Plan(t.Context(), id+1)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, p.State.String())
	}
	if want := []string{"PAUSED", "RUNNING", "RUNNING", "PAUSED", "PAUSED", "CREATED"}; !slices.Equal(states, want) {
		t.Errorf("states %q", states)
	}
	if r := s.send("POST", "plans/pause", ""); fmt.Sprint(r.body) != "map[plans:[] unchanged:0]" {
		t.Errorf("again: %d %s", r.status, r.text)
	}
	if len(heard) != 3 || !heard[0].DryRun || heard[1].Action != ops.Pause || heard[1].Reason != "fire" || heard[1].Unchanged || !heard[2].Unchanged {
		t.Errorf("heard %+v", heard)
	}
	if r := s.send("POST", "plans/pause", "", "If-Match", `"1"`); r.code() != "INVALID_REQUEST" {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// troubled is an engine that cannot pause plan 1, finds plan 2 paused already, and cannot read
// another one.
type troubled struct{ ops.Engine }

func (e troubled) Plans(ctx context.Context, q store.PlanQuery) ([]plan.Plan, error) {
	plans, err := e.Engine.Plans(ctx, q)
	if err == nil {
		err = &store.CorruptError{Key: "secret"}
	}
	return plans, err
}

func (e troubled) Pause(ctx context.Context, id plan.ID, opts ...cutover.CommandOption) (cutover.PlanResult, error) {
	if id == 1 {
		return cutover.PlanResult{}, store.ErrConflict
	}
	if id == 2 {
		return cutover.PlanResult{Unchanged: true}, nil
	}
	return e.Engine.Pause(ctx, id, opts...)
}

// A plan that cannot be paused holds up no other.
func TestPauseAllPlansAsFarAsPossible(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	for i := range 3 {
		s.start(s.create(plan.Spec{}, fmt.Sprint("t", i)))
	}
	r := send(t, mount(t, troubled{s.engine}, ops.Config{}), "POST", "plans/pause", "")
	partly, _ := r.body["partly"].(map[string]any)
	if fmt.Sprint(r.body["plans"], r.body["unchanged"], r.body["notPaused"]) != "[3] 1 [map[code:CONFLICT planId:1]]" || partly["code"] != "CORRUPT" {
		t.Errorf("%d %s", r.status, r.text)
	}
}
