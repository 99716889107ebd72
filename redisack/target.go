package redisack

import (
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// Target is what a write left behind, as plain data: keep it, and Confirm can go on with it in
// another process.
type Target struct {
	Key     string `json:"key"`
	Field   string `json:"field,omitempty"`
	Version string `json:"version"`
	// Rev is the revision that Redis gave this write: one more with each write of the key. Zero in
	// a Target made by hand, when only the version is known; clients are then compared by version
	// alone.
	Rev uint64 `json:"rev,string,omitempty"`
	// WriteID distinguishes this write from another one that got the same revision after a
	// failover.
	WriteID string `json:"writeId,omitempty"`
	// Sum is the SHA-256 of the payload in hex.
	Sum string `json:"sum,omitempty"`
	// AckPos is the position in the stream of acknowledgements just before the write.
	AckPos string `json:"ackPos,omitempty"`
	// WrittenAt is by the clock of the Redis node.
	WrittenAt time.Time `json:"writtenAt,omitzero"`
	Outcome   Outcome   `json:"outcome,omitempty"`
	// Receivers is how many subscribers of one Redis node got the announcement: a hint, never a
	// proof.
	Receivers int64 `json:"receivers,omitempty"`
	// NotifyError is why Redis refused to announce the write, which took effect all the same.
	NotifyError string `json:"notifyError,omitempty"`
}

// Outcome is what a write did.
type Outcome uint8

// The outcomes of a write that left the key with the wanted content. The others are errors. The
// numbers are stable.
const (
	// OutcomeWritten means that the write took effect now.
	OutcomeWritten Outcome = 1
	// OutcomeReplayed means that the same write (by its WriteID) had taken effect before, and its
	// answer was lost.
	OutcomeReplayed Outcome = 2
	// OutcomeUnchanged means that version and content were current already. Target describes the
	// write that was found.
	OutcomeUnchanged Outcome = 3
)

func (o Outcome) String() string {
	switch o {
	case OutcomeWritten:
		return "Written"
	case OutcomeReplayed:
		return "Replayed"
	case OutcomeUnchanged:
		return "Unchanged"
	}
	return "None"
}

// MarshalText makes JSON carry the name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the name; an unknown one is no outcome.
func (o *Outcome) UnmarshalText(text []byte) error {
	*o = wire.Named(text, OutcomeUnchanged)
	return nil
}

func (t Target) check(f *faults) {
	checkKey(t.Key, t.Field, f)
	checkVersion(t.Version, f)
}

func (t Target) names() wire.Names { return wire.NamesOf(t.Key, t.Field) }
