package ops

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/cutover-go/cutover/plan"
)

// maxPlans is how many plans a stream may show.
const maxPlans = 16

// streamed are the plans that a stream shows, in the order of the request.
func (q *query) streamed() []plan.ID {
	ids := parsed(q, "plan", plan.ParseID)
	if len(ids) > maxPlans {
		q.faults.add("plan", fmt.Sprintf("is given %d times, the limit is %d", len(ids), maxPlans))
		return nil
	}
	return ids
}

// positions reads where a stream goes on: the id of the last message that the client has got, such
// as "7:41,9:3". A browser that connects again sends it as the header Last-Event-ID, which is newer
// than the parameter after.
func (c *call) positions(q *query) map[plan.ID]int64 {
	name, text := "after", q.values.Get("after")
	if header := c.r.Header.Get("Last-Event-ID"); header != "" {
		name, text = "Last-Event-ID", header
	}
	if text == "" {
		return nil
	}
	found := make(map[plan.ID]int64)
	parts := strings.SplitN(text, ",", maxPlans+1)
	for _, part := range parts {
		before, after, colon := strings.Cut(part, ":")
		id, err := plan.ParseID(before)
		seq, ok := number(after, math.MaxInt64)
		if _, twice := found[id]; err != nil || !colon || !ok || twice || len(parts) > maxPlans {
			q.faults.add(name, fmt.Sprintf("is not the id of a message of a stream, such as 7:41,9:3, of at most %d plans", maxPlans))
			return nil
		}
		found[id] = seq
	}
	return found
}

// id returns the id of a message: the positions of all plans that the stream shows now.
func (s *stream) id() []byte {
	text := s.idText[:0]
	for _, w := range s.plans {
		if len(text) > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(w.id), 10)
		text = append(text, ':')
		text = strconv.AppendInt(text, w.reader.Position(), 10)
	}
	s.idText = text
	return text
}
