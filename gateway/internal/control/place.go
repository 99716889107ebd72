package control

import (
	"fmt"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/task"
)

// place is where a tenant is: at one colour, or between two of them.
type place struct {
	colour string
	weight int // percent of requests at other, 0 if there is none
	other  string
}

func placeOf(r gateway.Row) place { return place{r.Colour, r.Weight, r.Other} }

func (p place) row(rev uint64, token task.Token) gateway.Row {
	return gateway.Row{Colour: p.colour, Weight: p.weight, Other: p.other, Rev: rev, Token: token}
}

func (p place) String() string {
	if p.weight == 0 {
		return fmt.Sprintf("%.64q", p.colour)
	}
	return fmt.Sprintf("%.64q with %d percent at %.64q", p.colour, p.weight, p.other)
}

// backends names what answers a tenant's requests.
func backends(r gateway.Row) string {
	if r.Weight == 0 {
		return r.Colour
	}
	return r.Colour + " " + r.Other
}

// betweenError: a tenant is asked for its one colour and has two.
type betweenError struct{ at place }

func (e *betweenError) Error() string {
	return fmt.Sprintf("the tenant is at %v: a canary release has moved it, and not to an end", e.at)
}
