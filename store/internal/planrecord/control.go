package planrecord

import (
	"time"

	"github.com/cutover-go/cutover/plan"
)

// Control is the stored form of plan.Control, without its Grant and its Waves.
type Control struct {
	State        string     `json:"state"`
	PauseReasons uint8      `json:"pauseReasons,omitempty"`
	Acknowledged int        `json:"acknowledged,omitempty"`
	Starting     *starting  `json:"starting,omitempty"`
	Added        int        `json:"added,omitempty"`
	Adding       *adding    `json:"adding,omitempty"`
	Dropped      int        `json:"dropped,omitempty"`
	StartToken   uint64     `json:"startToken,omitempty,string"`
	Undo         *undoRound `json:"undo,omitempty"`
	Sweeps       []sweep    `json:"sweeps,omitempty"`
	Wave         int        `json:"wave,omitempty"`
	Gate         uint8      `json:"gate,omitempty"`
	Approved     []int      `json:"approved,omitempty"`
	Undone       []int      `json:"undone,omitempty"`
	Tuning       *tuning    `json:"tuning,omitempty"`
	StartedAt    *time.Time `json:"startedAt,omitempty"`
	StartedBy    string     `json:"startedBy,omitempty"`
	EndedAt      *time.Time `json:"endedAt,omitempty"`
}

type adding struct {
	Token   uint64        `json:"token,string"`
	Tenants int           `json:"tenants"`
	TTL     time.Duration `json:"ttl,omitempty"`
	Actor   string        `json:"actor,omitempty"`
	GivenUp bool          `json:"givenUp,omitempty"`
}

type starting struct {
	Token    uint64        `json:"token,string"`
	TTL      time.Duration `json:"ttl,omitempty"`
	Actor    string        `json:"actor,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	Skipping bool          `json:"skipping,omitempty"`
}

type undoRound struct {
	Round    int  `json:"round"`
	First    int  `json:"first,omitempty"`
	Last     int  `json:"last,omitempty"`
	Next     int  `json:"next,omitempty"`
	Open     bool `json:"open,omitempty"`
	Stopping bool `json:"stopping,omitempty"`
}

// ControlOf returns the stored form of c.
func ControlOf(c *plan.Control) Control {
	r := Control{
		State: c.State.String(), PauseReasons: uint8(c.PauseReasons), Acknowledged: c.Acknowledged,
		StartToken: c.StartToken, StartedAt: moment(c.StartedAt), StartedBy: c.StartedBy, EndedAt: moment(c.EndedAt),
		Added: c.Added, Dropped: c.Dropped, Wave: c.Wave, Gate: uint8(c.Gate), Approved: c.Approved, Undone: c.Undone, Tuning: tuningOf(&c.Tuning),
	}
	if c.Starting != nil {
		s := starting(*c.Starting)
		r.Starting = &s
	}
	if c.Adding != nil {
		a := adding(*c.Adding)
		r.Adding = &a
	}
	if c.Undo != (plan.Undo{}) {
		u := undoRound(c.Undo)
		r.Undo = &u
	}
	for i := range c.Sweeps {
		r.Sweeps = append(r.Sweeps, sweepOf(&c.Sweeps[i]))
	}
	return r
}

// Fill copies r into c.
func (r *Control) Fill(c *plan.Control) (err error) {
	if c.State, err = plan.ParseState(r.State); err != nil {
		return err
	}
	c.PauseReasons, c.Acknowledged, c.StartToken = plan.PauseReasons(r.PauseReasons), r.Acknowledged, r.StartToken
	c.StartedBy = r.StartedBy
	c.Wave, c.Gate, c.Approved, c.Undone = r.Wave, plan.Gate(r.Gate), r.Approved, r.Undone
	for i := range r.Sweeps {
		s, err := r.Sweeps[i].sweep()
		if err != nil {
			return err
		}
		c.Sweeps = append(c.Sweeps, s)
	}
	if r.Starting != nil {
		s := plan.Starting(*r.Starting)
		c.Starting = &s
	}
	c.Added, c.Dropped = r.Added, r.Dropped
	if r.Adding != nil {
		a := plan.Adding(*r.Adding)
		c.Adding = &a
	}
	if r.Undo != nil {
		c.Undo = plan.Undo(*r.Undo)
	}
	if r.Tuning != nil {
		if err := r.Tuning.fill(&c.Tuning); err != nil {
			return err
		}
	}
	if r.StartedAt != nil {
		c.StartedAt = *r.StartedAt
	}
	if r.EndedAt != nil {
		c.EndedAt = *r.EndedAt
	}
	return nil
}
