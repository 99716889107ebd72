package redisack

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/cutover-go/cutover/redisack/probe"
)

// Fleet says who has to confirm.
type Fleet interface {
	// Members returns the present members. It must end with its context. It is called once before
	// the write and then each Policy.RefreshEvery; the caller keeps the slice.
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

// nameOf returns the endpoint's name in reports. A name made from a URL leaves out what may be
// secret.
func nameOf(ep Endpoint) string {
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

// checkMembers reports members without name, or of the same identity, or that the prober cannot
// ask.
func checkMembers(members []Endpoint, prober Prober, f *faults) {
	seen := make(map[string]bool, len(members))
	checker, _ := prober.(probe.Checker)
	pushOnly := prober == nil
	for i, ep := range members {
		if problem := checkMember(ep, checker, seen[identityOf(ep)]); problem != "" {
			f.add(fmt.Sprintf("Fleet[%d]", i), problem)
		}
		f.when(pushOnly && ep.ID == "" && ep.URL != "", fmt.Sprintf("Fleet[%d]", i),
			"has no ID, by which acknowledgements are known, and there is no Prober to learn it")
		seen[identityOf(ep)] = true
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

// identityOf is the key of a member: its ID, or its URL when it has none.
func identityOf(ep Endpoint) string {
	if ep.ID != "" {
		return ep.ID
	}
	return "\x00" + ep.URL
}
