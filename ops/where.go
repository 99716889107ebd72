package ops

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// tenantPage says where a tenant is.
type tenantPage struct {
	Tenant string `json:"tenant"`
	// Held says that a plan works on the tenant; Holder is its task, left out if the caller may not
	// view the plan.
	Held   bool              `json:"held"`
	Holder *wire.TenantTask  `json:"holder,omitempty"`
	Tasks  []wire.TenantTask `json:"tasks"`
	// SearchedDownTo is the last plan of which all tenants were searched.
	SearchedDownTo plan.ID `json:"searchedDownTo,omitzero"`
	// Next is the cursor of the next step of the search, empty if it has come to its end.
	Next string `json:"next,omitempty"`
	// Partly is the problem of what cannot be read now, and is missing.
	Partly *problem `json:"partly,omitempty"`
}

// findTenant answers where a tenant is. Plans that the caller may not view are not named.
func findTenant(c *call) (answer, error) {
	q := c.query("id", "cursor")
	tenant := q.values.Get("id")
	if tenant == "" || len(tenant) > task.MaxTenantID {
		q.faults.add("id", fmt.Sprintf("is not 1 to %d bytes long", task.MaxTenantID))
	}
	from := q.tenantPosition()
	if err := q.err(); err != nil {
		return answer{}, err
	}
	r, err := c.engine.Lookup().Tenant(c.r.Context(), tenant, from)
	if err != nil && r.Holder == nil && len(r.Tasks) == 0 && (r.Next == nil || *r.Next == from) {
		return answer{}, err
	}
	page := tenantPage{Tenant: tenant, Held: r.Holder != nil, Tasks: []wire.TenantTask{}, SearchedDownTo: r.SearchedDownTo}
	if h := r.Holder; h != nil && c.caller.May(View, &h.Plan) {
		shown := wire.TenantTaskOf(&h.Plan, &h.Task)
		page.Holder = &shown
	}
	for i := range r.Tasks {
		if t := &r.Tasks[i]; c.caller.May(View, &t.Plan) {
			page.Tasks = append(page.Tasks, wire.TenantTaskOf(&t.Plan, &t.Task))
		}
	}
	if r.Next != nil {
		page.Next = tenantCursor(*r.Next)
	}
	if err != nil {
		page.Partly = c.problem(err)
	}
	return answer{body: page}, c.r.Context().Err()
}

// taskPage has the tasks of tenants with some labels, in the plans that are not over.
type taskPage struct {
	Tasks []wire.TenantTask `json:"tasks"`
	// SearchedDownTo, Next and Partly are as in tenantPage.
	SearchedDownTo plan.ID  `json:"searchedDownTo,omitzero"`
	Next           string   `json:"next,omitempty"`
	Partly         *problem `json:"partly,omitempty"`
}

// findTasks answers with the tasks of tenants with some labels, in the plans that the caller may
// view.
func findTasks(c *call) (answer, error) {
	q := c.query("label", "cursor")
	f := q.filter()
	if len(f.Labels) == 0 {
		q.faults.add("label", "is missing")
	}
	from := q.tenantPosition()
	if err := q.err(); err != nil {
		return answer{}, err
	}
	r, err := c.engine.Lookup().Labels(c.r.Context(), f.Labels, from)
	if err != nil && len(r.Tasks) == 0 && (r.Next == nil || *r.Next == from) {
		return answer{}, named(err, filterFaults)
	}
	page := taskPage{Tasks: []wire.TenantTask{}, SearchedDownTo: r.SearchedDownTo}
	for i := range r.Tasks {
		if t := &r.Tasks[i]; c.caller.May(View, &t.Plan) {
			page.Tasks = append(page.Tasks, wire.TenantTaskOf(&t.Plan, &t.Task))
		}
	}
	if r.Next != nil {
		page.Next = tenantCursor(*r.Next)
	}
	if err != nil {
		page.Partly = c.problem(err)
	}
	return answer{body: page}, c.r.Context().Err()
}

// tenantCursor returns the cursor of a position of a search.
func tenantCursor(at cutover.TenantPosition) string {
	return base64.RawURLEncoding.EncodeToString([]byte("s" + at.Plan.String() + "." + strconv.Itoa(at.After)))
}

// tenantPosition returns the position of the cursor, the beginning if the request has none.
func (q *query) tenantPosition() (at cutover.TenantPosition) {
	text := q.values.Get("cursor")
	if text == "" {
		return at
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	first, second, _ := strings.Cut(strings.TrimPrefix(string(raw), "s"), ".")
	id, isPlan := number(first, int64(task.MaxPlanID))
	after, isOrdinal := number(second, task.MaxPerPlan)
	at = cutover.TenantPosition{Plan: plan.ID(id), After: int(after)}
	if err != nil || !isPlan || !isOrdinal || id == 0 || tenantCursor(at) != text {
		q.faults.add("cursor", "is not one that a page of this list has named")
	}
	return at
}
