package redisack

import (
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// Target describes a write as plain data. Store it, and another process can confirm the write with
// it.
type Target struct {
	Key     string `json:"key"`
	Field   string `json:"field,omitempty"`
	Version string `json:"version"`
	// Rev is the revision that Redis assigned to this write. It grows by one with each write of the
	// key. A Target that the caller has made from a version alone has revision zero; clients are
	// then compared by version alone.
	Rev uint64 `json:"rev,string,omitempty"`
	// WriteID distinguishes this write from another one that got the same revision after a
	// failover.
	WriteID string `json:"writeId,omitempty"`
	// Sum is the SHA-256 of the payload in hex.
	Sum string `json:"sum,omitempty"`
	// AckPos is the position in the stream of acknowledgements just before the write.
	AckPos string `json:"ackPos,omitempty"`
	// WrittenAt is the time of the write by the clock of the Redis node.
	WrittenAt time.Time `json:"writtenAt,omitzero"`
	Outcome   Outcome   `json:"outcome,omitempty"`
	// Receivers is the number of subscribers of one Redis node to which the announcement was sent:
	// a hint, not a proof.
	Receivers int64 `json:"receivers,omitempty"`
	// NotifyError is the error with which Redis refused to announce the write. The write took
	// effect nevertheless.
	NotifyError string `json:"notifyError,omitempty"`
}

// Outcome says what a write did.
type Outcome uint8

// The outcomes of a write after which the key has the wanted content; all other outcomes are
// errors. The numbers are stable.
const (
	// OutcomeWritten means that the write took effect now.
	OutcomeWritten Outcome = 1
	// OutcomeReplayed means that a write with the same WriteID had taken effect before, for
	// instance because its answer was lost.
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

// MarshalText returns the name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads a name. An unknown name yields zero.
func (o *Outcome) UnmarshalText(text []byte) error {
	*o = wire.Named(text, OutcomeUnchanged)
	return nil
}

func (t Target) check(f *faults) {
	checkKey(t.Key, t.Field, f)
	checkVersion(t.Version, f)
}

func (t Target) names() wire.Names { return wire.NamesOf(t.Key, t.Field) }
