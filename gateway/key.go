package gateway

import (
	"fmt"
	"strings"
)

const (
	maxTenant = 128
	maxColour = 64
)

// punctuation are the characters of a tenant id that are neither letters nor digits. No proxy's
// map files or commands give any of them a meaning.
const punctuation = "._-:@/+="

// CheckTenant returns nil if a tenant id can be the key of a proxy's map. Such an id has at most
// 128 bytes, lower-case letters, digits and the characters ._-:@/+= and ends with no dot.
//
// A proxy compares keys byte by byte, and a request whose key is not in the map silently goes to
// the default colour. The configurations in docs/gateways.md therefore normalise the key of a
// request, and an id that normalising would change is refused here: it could never be found.
func CheckTenant(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("gateway: the tenant id is empty")
	case len(id) > maxTenant:
		return fmt.Errorf("gateway: the tenant id %.32q... has %d bytes, at most %d are allowed", id, len(id), maxTenant)
	case strings.HasSuffix(id, "."):
		return fmt.Errorf("gateway: the tenant id %q ends with a dot, which proxies do not look up", id)
	}
	for _, r := range id {
		if r >= 'A' && r <= 'Z' {
			return fmt.Errorf("gateway: the tenant id %q has upper-case letters, and proxies look up lower-case ones", id)
		}
		if !word(r) && !strings.ContainsRune(punctuation, r) {
			return fmt.Errorf("gateway: the tenant id %q contains %q; allowed are a-z, 0-9 and %s", id, r, punctuation)
		}
	}
	return nil
}

// CheckColour returns nil if a colour can be a value in a proxy's map and the name of a backend: at
// most 64 letters, digits and the characters ._-
func CheckColour(colour string) error {
	if colour == "" || len(colour) > maxColour {
		return fmt.Errorf("gateway: the colour %.70q has %d bytes, and has to have 1 to %d", colour, len(colour), maxColour)
	}
	for _, r := range colour {
		if !word(r) && (r < 'A' || r > 'Z') && !strings.ContainsRune("._-", r) {
			return fmt.Errorf("gateway: the colour %q contains %q; allowed are letters, digits and ._-", colour, r)
		}
	}
	return nil
}

func word(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }
