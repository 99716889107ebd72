package redisack

import (
	"bytes"
	"encoding/hex"
	"strings"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// Verdict is how an answer compares with the target.
type Verdict uint8

// The verdicts. Only a revision, or a Comparer of the caller's, yields Behind and Ahead: strings
// have no order.
const (
	// VerdictUnknown means that the answer names nothing to compare.
	VerdictUnknown Verdict = iota
	// VerdictMatch means that the client runs exactly this write.
	VerdictMatch
	// VerdictBehind means that it runs an older one.
	VerdictBehind
	// VerdictAhead means that it runs a newer one.
	VerdictAhead
	// VerdictDifferent means that it runs another one, of no known order.
	VerdictDifferent
	// VerdictRejected means that it has refused exactly this write.
	VerdictRejected
)

// known reports whether the verdict is one that something can be done about.
func (v Verdict) known() bool { return v > VerdictUnknown && v <= VerdictRejected }

func (v Verdict) String() string {
	switch v {
	case VerdictUnknown:
		return "Unknown"
	case VerdictMatch:
		return "Match"
	case VerdictBehind:
		return "Behind"
	case VerdictAhead:
		return "Ahead"
	case VerdictDifferent:
		return "Different"
	case VerdictRejected:
		return "Rejected"
	}
	return "Unknown"
}

// MarshalText makes JSON carry the name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the name; an unknown one is VerdictUnknown.
func (v *Verdict) UnmarshalText(text []byte) error {
	*v = wire.Named(text, VerdictRejected)
	return nil
}

// A Comparer judges an answer in place of Compare, for instance where versions have an order of
// their own. It may be called from several goroutines at once.
type Comparer func(Target, Observation) Verdict

// Compare is the default Comparer. A revision decides if both sides have one, then the write id,
// then digest and version, of which all that both sides have must be equal.
func Compare(t Target, o Observation) Verdict {
	if rejected(t, o.Attempt) && !applied(t, o) {
		return VerdictRejected
	}
	if o.Nothing {
		return VerdictBehind
	}
	if t.Rev > 0 && o.Rev > 0 {
		switch {
		case o.Rev < t.Rev:
			return VerdictBehind
		case o.Rev > t.Rev:
			return VerdictAhead
		}
	}
	return equality(t, o)
}

func applied(t Target, o Observation) bool {
	return t.Rev > 0 && o.Rev == t.Rev && equality(t, o) == VerdictMatch
}

// rejected reports whether the attempt is a refusal of exactly this write. One of another revision
// or another write is no news about this one.
func rejected(t Target, a *Attempt) bool {
	if a == nil || !a.Rejected {
		return false
	}
	known := false
	if t.Rev > 0 && a.Rev > 0 {
		if a.Rev != t.Rev {
			return false
		}
		known = true
	}
	if t.WriteID != "" && a.WriteID != "" {
		if a.WriteID != t.WriteID {
			return false
		}
		known = true
	}
	return known || (a.Rev == 0 && a.WriteID == "" && a.Version == t.Version)
}

// equality compares what has no order.
func equality(t Target, o Observation) Verdict {
	compared, equal := t.Rev > 0 && o.Rev > 0, true
	for _, pair := range [][2]string{{t.WriteID, o.WriteID}, {t.Version, o.Version}} {
		if pair[0] != "" && pair[1] != "" {
			compared, equal = true, equal && pair[0] == pair[1]
		}
	}
	if t.Sum != "" && o.Sum != "" {
		compared, equal = true, equal && sameSum(t.Sum, o.Sum)
	}
	switch {
	case !compared:
		return VerdictUnknown
	case equal:
		return VerdictMatch
	}
	return VerdictDifferent
}

// sameSum compares the digests and not their spelling.
func sameSum(a, b string) bool {
	left, errLeft := decodeSum(a)
	right, errRight := decodeSum(b)
	if errLeft != nil || errRight != nil {
		return a == b
	}
	return bytes.Equal(left, right)
}

func decodeSum(text string) ([]byte, error) {
	return hex.DecodeString(strings.TrimPrefix(text, "sha256:"))
}
