package tenanthttp

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// headerFaults returns what is wrong with the headers of a host. net/http refuses to send some of
// them, and that would look as if the service were unavailable: a secret from a file often ends
// with a line break.
func headerFaults(h http.Header) []string {
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		switch canonical := http.CanonicalHeaderKey(name); {
		case canonical == HeaderKey || canonical == HeaderToken:
			faults = append(faults, fmt.Sprintf("HTTPConfig.Header: %s is the executor's own", canonical))
		case name == "" || strings.ContainsFunc(name, notInName):
			faults = append(faults, fmt.Sprintf("HTTPConfig.Header: %.64q is no name of a header", name))
		case slices.ContainsFunc(h[name], func(value string) bool { return strings.ContainsFunc(value, notInValue) }):
			faults = append(faults, fmt.Sprintf("HTTPConfig.Header: the value of %s has a line break or another control character", canonical))
		}
	}
	return faults
}

// notInName reports whether r is not allowed in the name of a header (RFC 9110, token).
func notInName(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

func notInValue(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
