package ops

import (
	"context"

	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
)

// eventsPage is a page of a plan's events.
type eventsPage struct {
	Events []wire.Event `json:"events"`
	// Last is the position after the page: the next page is the one after it. It is the position
	// that was asked for if there is nothing after it yet.
	Last int64 `json:"last"`
}

// listEvents serves the events of a plan after a position.
func listEvents(read func(Engine, context.Context, plan.ID, int64, int) ([]plan.Event, error)) serveFunc {
	return func(c *call) (answer, error) {
		p, err := c.plan(View)
		if err != nil {
			return answer{}, err
		}
		q := c.query("after", "limit")
		after, limit := q.position("after"), q.limit()
		if err := q.err(); err != nil {
			return answer{}, err
		}
		events, err := read(c.engine, c.r.Context(), p.ID, after, limit)
		if err != nil {
			return answer{}, err
		}
		c.viewer().events(events)
		page := eventsPage{Events: make([]wire.Event, len(events)), Last: after}
		for i := range events {
			page.Events[i] = wire.EventOf(&events[i])
			page.Last = events[i].Seq
		}
		return answer{body: page}, nil
	}
}
