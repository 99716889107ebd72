package redisack

import (
	"bytes"
	"encoding/hex"
	"strings"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// Verdict is the result of comparing an answer with the target.
type Verdict uint8

// The verdicts. Only a comparison of revisions, or the caller's Comparer, yields Ahead, because
// strings have no order.
const (
	// VerdictUnknown means that the answer contains nothing that can be compared with the target.
	VerdictUnknown Verdict = iota
	// VerdictMatch means that the client runs exactly this write.
	VerdictMatch
	// VerdictBehind means that the client runs an older write, or none yet.
	VerdictBehind
	// VerdictAhead means that the client runs a newer write.
	VerdictAhead
	// VerdictDifferent means that the client runs another write, and it is unknown which is newer.
	VerdictDifferent
	// VerdictRejected means that the client has rejected exactly this write.
	VerdictRejected
)

// known reports whether v is a valid verdict other than VerdictUnknown.
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

// MarshalText returns the name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a name. An unknown name yields VerdictUnknown.
func (v *Verdict) UnmarshalText(text []byte) error {
	*v = wire.Named(text, VerdictRejected)
	return nil
}

// A Comparer compares an answer with the target in place of Compare, for instance if versions have
// an order. It must be safe for concurrent use.
type Comparer func(Target, Observation) Verdict

// Compare is the default Comparer. It returns VerdictRejected for a client that has rejected
// exactly this write and does not run it. Otherwise, if both sides have a revision and the
// revisions differ, they decide. If not, the write id, version and digest must be equal, as far as
// both sides have them.
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

// rejected reports whether the attempt is a rejection of exactly this write, and not of another
// revision or another write.
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

// equality compares the fields that have no order: write id, version and digest.
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

// sameSum compares two digests regardless of how they are spelt.
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
