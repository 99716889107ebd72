package ops

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// exportLine is a line of an export. It has one of the members.
type exportLine struct {
	Plan  *wire.Plan  `json:"plan,omitempty"`
	Task  *wire.Task  `json:"task,omitempty"`
	Event *wire.Event `json:"event,omitempty"`
	// Trimmed says that the events before this number are not kept any more.
	Trimmed int64 `json:"trimmed,omitzero"`
	// End is the last line of a whole export, Problem that of one that had to end before.
	End     *exportEnd `json:"end,omitempty"`
	Problem *problem   `json:"problem,omitempty"`
}

// exportEnd counts what an export has.
type exportEnd struct {
	Tasks  int `json:"tasks"`
	Events int `json:"events"`
}

// exportChunk is how many bytes of an export are written at once.
const exportChunk = 64 << 10

// export is an export that is being written.
type export struct {
	*call
	p     plan.Plan
	out   frames
	count exportEnd
}

// exportPlan answers with a plan, its tasks and its events, one a line.
func exportPlan(c *call) (answer, error) {
	p, err := c.plan(View)
	if err != nil {
		return answer{}, err
	}
	if err := streamable(c.w); err != nil {
		return answer{}, err
	}
	e := &export{call: c, p: p}
	return answer{stream: e.serve}, nil
}

// serve writes the export. If something fails, the last line says what.
func (e *export) serve() {
	header := e.w.Header()
	header.Set("Content-Type", "application/x-ndjson")
	header.Set("Content-Disposition", `attachment; filename="plan-`+e.p.ID.String()+`.ndjson"`)
	e.w.WriteHeader(http.StatusOK)
	if e.r.Method == http.MethodHead {
		return
	}
	last := exportLine{End: &e.count}
	if err := e.write(); err != nil {
		last = exportLine{Problem: e.problem(err)}
	}
	if e.line(last) == nil {
		_ = e.out.send(e.w) // a client that has gone away is no news
	}
}

// write writes all lines but the last one.
func (e *export) write() error {
	// The document of an export is no answer to act on, so it has no actions.
	document := wire.PlanOf(&e.p, []string{}, e.data(&e.p))
	if err := e.line(exportLine{Plan: &document}); err != nil {
		return err
	}
	if err := e.tasks(); err != nil {
		return err
	}
	return e.events()
}

// tasks writes the tasks by rising ordinal.
func (e *export) tasks() error {
	data := e.data(&e.p)
	for q := (store.TaskQuery{Limit: store.MaxBatch}); ; {
		page, next, err := e.engine.Tasks(e.r.Context(), e.p.ID, q)
		if err != nil {
			return err
		}
		e.viewer().tasks(page)
		for i := range page {
			document := wire.TaskOf(&e.p, &page[i], []string{}, data)
			if err := e.line(exportLine{Task: &document}); err != nil {
				return err
			}
			e.count.Tasks++
		}
		if q.After = next; next == 0 {
			return nil
		}
	}
}

// events writes the events that are kept, in their order, up to the newest one after the tasks were
// read: a client that reads more slowly than events come would have no end of them.
func (e *export) events() error {
	p, err := e.engine.Plan(e.r.Context(), e.p.ID)
	if err != nil {
		return err
	}
	for after := int64(0); after < p.LastEvent; {
		page, err := e.engine.Events(e.r.Context(), e.p.ID, after, store.MaxPage)
		var trimmed *store.TrimmedError
		if errors.As(err, &trimmed) && trimmed.First > after+1 {
			after = trimmed.First - 1
			if err := e.line(exportLine{Trimmed: trimmed.First}); err != nil {
				return err
			}
			continue
		}
		if err != nil || len(page) == 0 {
			return err
		}
		e.viewer().events(page)
		for i := range page {
			event := wire.EventOf(&page[i])
			if err := e.line(exportLine{Event: &event}); err != nil {
				return err
			}
			e.count.Events++
			after = page[i].Seq
		}
	}
	return nil
}

// line adds a line, and sends what there is if it is enough.
func (e *export) line(l exportLine) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	e.out.Write(text)
	e.out.WriteByte('\n')
	if e.out.Len() < exportChunk {
		return nil
	}
	err = e.out.send(e.w)
	e.out.Reset()
	return err
}
