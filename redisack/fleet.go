package redisack

import (
	"context"
	"fmt"
	"net/url"
	"slices"
)

// Endpoint is one member of a fleet.
type Endpoint struct {
	// ID is the instance that is expected to answer: what the client calls itself, such as the pod's name. When another
	// instance answers at the URL, this one counts as Gone and the other one joins in its place (unless
	// Policy.IgnoreJoiners): so it is when a pod is replaced, and so it is when the ID is misspelt, which is why the
	// result has a warning. A client that does not say who it is is taken for this one.
	//
	// Empty when only the URL is known: it is then named after the URL, and whichever instance answers stands for it.
	ID string
	// URL is where the prober asks. A custom Prober may do without.
	URL string
	// Group is the zone or shard, for PerGroup.
	Group string
}

// Fleet says who has to confirm.
type Fleet interface {
	// Members returns the present members. It must end with its context. It is called once before the write and then
	// each Policy.RefreshEvery; the caller keeps the slice.
	Members(ctx context.Context) ([]Endpoint, error)
}

// static is a fleet that never changes.
type static []Endpoint

// URLs is a fixed fleet of status URLs.
func URLs(urls ...string) Fleet {
	members := make(static, len(urls))
	for i, u := range urls {
		members[i].URL = u
	}
	return members
}

// Static is a fixed fleet.
func Static(members ...Endpoint) Fleet { return static(slices.Clone(members)) }

func (s static) Members(context.Context) ([]Endpoint, error) { return s, nil }

// FleetFunc is a fleet that is looked up again during the run.
type FleetFunc func(ctx context.Context) ([]Endpoint, error)

// Members calls the function.
func (f FleetFunc) Members(ctx context.Context) ([]Endpoint, error) { return f(ctx) }

// name returns the endpoint's name in reports. A name made from a URL leaves out what may be secret.
func (ep Endpoint) name() string {
	if ep.ID != "" {
		return ep.ID
	}
	return publicURL(ep.URL)
}

// publicURL is the URL without user, query and fragment.
func publicURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "(bad URL)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// endpointChecker is a prober that can tell a bad endpoint before it is asked.
type endpointChecker interface {
	checkEndpoint(ep Endpoint) error
}

// checkMembers reports members without name, or of the same identity, or that the prober cannot ask.
func checkMembers(members []Endpoint, prober Prober, f *faults) {
	seen := make(map[string]bool, len(members))
	checker, _ := prober.(endpointChecker)
	pushOnly := prober == nil
	for i, ep := range members {
		if problem := checkMember(ep, checker, seen[ep.identity()]); problem != "" {
			f.add(fmt.Sprintf("Fleet[%d]", i), problem)
		}
		f.when(pushOnly && ep.ID == "" && ep.URL != "", fmt.Sprintf("Fleet[%d]", i),
			"has no ID, by which acknowledgements are known, and there is no Prober to learn it")
		seen[ep.identity()] = true
	}
}

func checkMember(ep Endpoint, checker endpointChecker, double bool) string {
	switch {
	case ep.ID == "" && ep.URL == "":
		return "has neither ID nor URL"
	case double:
		return fmt.Sprintf("has the identity %q of another member", ep.name())
	case checker == nil:
		return ""
	}
	if err := checker.checkEndpoint(ep); err != nil {
		return fmt.Sprintf("(%s) %v", ep.name(), err)
	}
	return ""
}

// identity is the key of a member: its ID, or its URL when it has none.
func (ep Endpoint) identity() string {
	if ep.ID != "" {
		return ep.ID
	}
	return "\x00" + ep.URL
}
