//go:build gatewayproof

package gatewayproof

import (
	"fmt"
	"net"
	"reflect"
	"sort"
	"testing"
	"time"
)

// fault is a time in which an instance was reloaded, or was not there because it had been killed.
type fault struct {
	instance    int
	from, until time.Time
	kill        bool
}

// counts are the figures of the proof; see the package comment.
type counts struct {
	requests, alone       int
	lost, staleNew        int
	staleKept             int
	lostKilled, staleOld  int
	switches, switchFails int
	examples              []string // of requests that must not be
}

// count counts requests against what the engines have noted.
func count(requests []request, notes []note, faults []fault) (c counts) {
	routes := routesOf(notes)
	for _, n := range notes {
		switch n.Kind {
		case returned:
			c.switches++
		case failed:
			c.switchFails++
		}
	}
	for _, r := range requests {
		c.requests++
		if r.alone {
			c.alone++
		}
		want := routes[r.tenant].during(r.sent, r.ended)
		switch {
		case r.err != nil && r.killedWith(faults):
			c.lostKilled++
		case r.err != nil, r.colour != green && r.colour != blue:
			c.lost++
			c.show("lost", r)
		case want == "" || r.colour == want:
		case r.acceptedByOld(faults):
			c.staleOld++
		case r.alone:
			c.staleNew++
			c.show("stale, over a new connection", r)
		default:
			c.staleKept++
			c.show("stale, over a connection kept alive", r)
		}
	}
	return c
}

func (c *counts) show(what string, r request) {
	const most = 10
	if len(c.examples) < most {
		c.examples = append(c.examples, fmt.Sprintf("%s: %s at instance %d, opened %s, sent %s, ended %s: %q %v",
			what, r.tenant, r.instance, r.opened.Format(clock), r.sent.Format(clock), r.ended.Format(clock), r.colour, r.err))
	}
}

// clock is the form of times in messages.
const clock = "05.000000"

// killedWith reports whether a request was lost with an instance.
func (r request) killedWith(faults []fault) bool {
	for _, f := range faults {
		if f.kill && f.instance == r.instance && r.opened.Before(f.until) && r.ended.After(f.from) {
			return true
		}
	}
	return false
}

// acceptedByOld reports whether a process that was replaced meanwhile may have accepted the
// connection.
func (r request) acceptedByOld(faults []fault) bool {
	for _, f := range faults {
		if !f.kill && f.instance == r.instance && r.opened.Before(f.until) && r.ended.After(f.from) {
			return true
		}
	}
	return false
}

// route is what is known of one tenant's colour, in the order of time.
type route []state

// state is known from a time on until the next one. The colour is empty while a switch is under way
// or has failed.
type state struct {
	since  time.Time
	colour string
}

// routesOf returns the routes of all tenants. Before its first switch a tenant is green.
func routesOf(notes []note) map[string]route {
	sort.SliceStable(notes, func(i, j int) bool { return notes[i].At.Before(notes[j].At) })
	routes := map[string]route{}
	for _, n := range notes {
		known := routes[n.Tenant]
		if known == nil {
			known = route{{colour: green}}
		}
		now := known[len(known)-1].colour
		switch {
		case n.Kind == returned:
			now = n.To
		case n.Kind == failed || now != n.To:
			now = ""
		}
		routes[n.Tenant] = append(known, state{n.At, now})
	}
	return routes
}

// during returns the only colour that may answer a request, empty if there is none.
func (r route) during(sent, ended time.Time) string {
	if r == nil {
		return green
	}
	next := sort.Search(len(r), func(i int) bool { return r[i].since.After(sent) })
	colour := r[next-1].colour
	for ; next < len(r) && !r[next].since.After(ended); next++ {
		if r[next].colour != colour {
			return ""
		}
	}
	return colour
}

// TestCount checks that the proof would count what must not be.
func TestCount(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	notes := []note{
		{At: at(100), Kind: began, Tenant: "a", To: blue},
		{At: at(200), Kind: returned, Tenant: "a", To: blue},
		{At: at(500), Kind: began, Tenant: "a", To: green},
		{At: at(600), Kind: failed, Tenant: "a", To: green},
	}
	faults := []fault{{instance: 0, from: at(300), until: at(310)}, {instance: 1, from: at(300), until: at(310), kill: true}}
	ask := func(instance, opened, sent, ended int, colour string) request {
		r := request{instance: instance, tenant: "a", alone: opened == sent, opened: at(opened), sent: at(sent), ended: at(ended), colour: colour}
		if colour == "" {
			r.err = net.ErrClosed
		}
		return r
	}
	for name, c := range map[string]struct {
		request
		want counts
	}{
		"before":                     {ask(0, 50, 50, 60, green), counts{}},
		"too early":                  {ask(0, 50, 50, 60, blue), counts{staleNew: 1}},
		"while it is switched":       {ask(0, 150, 150, 160, blue), counts{}},
		"sent before it returned":    {ask(0, 190, 190, 260, green), counts{}},
		"after":                      {ask(0, 210, 210, 220, blue), counts{}},
		"stale":                      {ask(0, 210, 210, 220, green), counts{staleNew: 1}},
		"stale and kept alive":       {ask(0, 150, 210, 220, green), counts{staleKept: 1}},
		"stale in an old process":    {ask(0, 150, 305, 306, green), counts{staleOld: 1}},
		"stale after the reload":     {ask(0, 320, 320, 330, green), counts{staleNew: 1}},
		"the other was reloaded":     {ask(1, 150, 320, 330, green), counts{staleKept: 1}},
		"a colour that there is not": {ask(0, 210, 210, 220, "missing"), counts{lost: 1}},
		"lost":                       {ask(0, 210, 210, 220, ""), counts{lost: 1}},
		"lost with the instance":     {ask(1, 150, 299, 301, ""), counts{lostKilled: 1}},
		"found lost later":           {ask(1, 150, 400, 401, ""), counts{lostKilled: 1}},
		"lost before the kill":       {ask(1, 150, 210, 220, ""), counts{lost: 1}},
		"lost after the start":       {ask(1, 320, 320, 330, ""), counts{lost: 1}},
		"lost in the reload":         {ask(0, 150, 305, 306, ""), counts{lost: 1}},
		"after a failed switch":      {ask(0, 610, 610, 620, green), counts{}},
	} {
		got := count([]request{c.request}, notes, faults)
		c.want.requests, c.want.switches, c.want.switchFails = 1, 1, 1
		if c.alone {
			c.want.alone = 1
		}
		got.examples = nil
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
