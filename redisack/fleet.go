package redisack

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/cutover-go/cutover/redisack/probe"
)

// Fleet lists the endpoints that have to confirm.
type Fleet interface {
	// Members returns the current members. It must return when its context ends. It is called once
	// before the write and then every Policy.RefreshEvery. The slice must not be modified
	// afterwards.
	Members(ctx context.Context) ([]Endpoint, error)
}

// static is a fleet that never changes.
type static []Endpoint

// URLs returns a fixed fleet of status URLs.
func URLs(urls ...string) Fleet {
	members := make(static, len(urls))
	for i, u := range urls {
		members[i].URL = u
	}
	return members
}

// Static returns a fixed fleet.
func Static(members ...Endpoint) Fleet { return static(slices.Clone(members)) }

func (s static) Members(context.Context) ([]Endpoint, error) { return s, nil }

// FleetFunc adapts a function to a Fleet that is looked up again during the run.
type FleetFunc func(ctx context.Context) ([]Endpoint, error)

// Members calls the function.
func (f FleetFunc) Members(ctx context.Context) ([]Endpoint, error) { return f(ctx) }

// nameOf returns the endpoint's name in reports. A name made from a URL omits the parts that may be
// secret.
func nameOf(ep Endpoint) string {
	if ep.ID != "" {
		return ep.ID
	}
	return publicURL(ep.URL)
}

// publicURL returns the URL without user, query and fragment.
func publicURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "(bad URL)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// checkMembers adds a fault to f for each member that has no name, has the identity of another
// member, or cannot be asked by the prober.
func checkMembers(members []Endpoint, prober Prober, f *faults) {
	seen := make(map[string]bool, len(members))
	checker, _ := prober.(probe.Checker)
	pushOnly := prober == nil
	for i, ep := range members {
		identity := identityOf(ep)
		if problem := checkMember(ep, checker, seen[identity]); problem != "" {
			f.add(fmt.Sprintf("Fleet[%d]", i), problem)
		}
		if pushOnly && ep.ID == "" && ep.URL != "" {
			f.add(fmt.Sprintf("Fleet[%d]", i), "has no ID to match with acknowledgements, and there is no Prober to learn it from")
		}
		seen[identity] = true
	}
}

func checkMember(ep Endpoint, checker probe.Checker, double bool) string {
	switch {
	case ep.ID == "" && ep.URL == "":
		return "has neither ID nor URL"
	case double:
		return fmt.Sprintf("has the identity %q of another member", nameOf(ep))
	case checker == nil:
		return ""
	}
	if err := checker.CheckEndpoint(ep); err != nil {
		return fmt.Sprintf("(%s) %v", nameOf(ep), err)
	}
	return ""
}

// identityOf returns the identity of a member: its ID, or its URL if it has none.
func identityOf(ep Endpoint) string {
	if ep.ID != "" {
		return ep.ID
	}
	return "\x00" + ep.URL
}
