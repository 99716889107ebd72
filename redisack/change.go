package redisack

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// Change is a configuration to write.
type Change struct {
	// Key is the Redis key from which clients read the payload. Required. The package uses a few
	// more keys in the same cluster slot: see the package documentation.
	Key string
	// Field, if set, is the field of the hash at Key that holds the payload. Default: Key is a
	// plain string.
	Field string
	// Version is the caller's name for this content, for people and for clients that report nothing
	// else. Required, printable, at most 256 bytes. If this version is already current with other
	// content, the write fails with ErrVersionReused.
	Version string
	// Payload is the content; an empty one is allowed. The slice must not be modified during the
	// call.
	Payload []byte
	// IfRev is the condition on the current revision; if it does not hold, the write fails with
	// ErrConflict. Default: no condition.
	IfRev IfRev
	// WriteID identifies this write, so that sending it again is harmless. Default: a random id. To
	// repeat a write after a crash without writing twice, store the id first and pass it again. At
	// most 64 letters, digits, '.', '_' and '-'.
	WriteID string
	// Fence is the fencing token of a lock or lease: a decimal integer of at most 64 digits. A
	// write with a lower token than that of the last write, or without a token after a write with
	// one, fails with ErrFenced. Default: no token.
	Fence string
	// TTL is the time after which Redis deletes the payload, in whole milliseconds. Default: never.
	// Not possible with Field.
	TTL time.Duration
	// Rewrite makes a new revision even if version and content are already current, so that a
	// client that has rejected them tries again. Default: such a write changes nothing and has
	// OutcomeUnchanged, unless the payload was changed or removed by other means; then it is
	// written again, as a new revision.
	Rewrite bool
	// Channel is the channel on which the write is announced, for clients that do not subscribe to
	// the default channel. Default: {Key}:changed.
	Channel string
}

// IfRev is a condition on the current revision. The zero value always holds.
type IfRev struct{ text string }

// Exact holds when the current revision is rev.
func Exact(rev uint64) IfRev { return IfRev{strconv.FormatUint(rev, 10)} }

// Absent holds when the key has not been written yet, with or without this package.
func Absent() IfRev { return IfRev{"absent"} }

func (r IfRev) String() string {
	if r.text == "" {
		return "any"
	}
	return r.text
}

const (
	maxVersion = 256
	maxWriteID = 64
	maxFence   = 64
)

// complete returns the change with its defaults filled in.
func (ch Change) complete() Change {
	if ch.WriteID == "" {
		ch.WriteID = rand.Text()
	}
	if ch.Channel == "" {
		ch.Channel = ch.names().Channel
	}
	return ch
}

func (ch Change) names() wire.Names { return wire.NamesOf(ch.Key, ch.Field) }

// sum returns a function that returns the digest of the payload, and computes it once.
func (ch Change) sum() func() string {
	return sync.OnceValue(func() string {
		sum := sha256.Sum256(ch.Payload)
		return hex.EncodeToString(sum[:])
	})
}

func (ch Change) check(sharded bool, f *faults) {
	checkKey(ch.Key, ch.Field, f)
	checkVersion(ch.Version, f)
	f.when(len(ch.WriteID) > maxWriteID || strings.Trim(ch.WriteID, idLetters) != "", "Change.WriteID",
		"does not consist of at most 64 letters, digits, '.', '_' and '-'")
	f.when(!isDecimal(ch.Fence), "Change.Fence", "is not a decimal integer of at most 64 digits")
	f.when(ch.TTL < 0, "Change.TTL", "is negative")
	f.when(ch.TTL > 0 && ch.TTL < time.Millisecond, "Change.TTL", "is below a millisecond")
	f.when(ch.TTL != 0 && ch.Field != "", "Change.TTL", "is not possible for a hash field")
	f.when(ch.IfRev == Exact(0), "Change.IfRev", "is Exact(0): revisions start at 1; use Absent")
	f.when(sharded && ch.Channel != "" && !wire.SameSlot(ch.Channel, ch.names().Head), "Change.Channel",
		"is not in the cluster slot of the key, as a sharded channel must be: give it the same {tag}")
}

const idLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

func checkKey(key, field string, f *faults) {
	f.when(key == "", "Key", "is empty")
	f.when(!wire.Nameable(key), "Key", "contains a } without a {tag}: no other key can share its cluster slot")
	f.when(wire.BareTag(key), "Key", "consists of a {tag} only: its other keys would be those of the key without braces")
	f.when(strings.ContainsAny(field, "{}"), "Field", "contains a brace")
}

func checkVersion(version string, f *faults) {
	f.when(version == "", "Version", "is empty")
	f.when(len(version) > maxVersion, "Version", "is longer than 256 bytes")
	printable := utf8.ValidString(version) && !strings.ContainsFunc(version, unicode.IsControl)
	f.when(!printable, "Version", "contains control characters or is not UTF-8")
	f.when(version != strings.TrimSpace(version), "Version", "starts or ends with a space")
}

// isDecimal reports whether text is empty or a decimal integer of at most maxFence digits. Leading
// zeros are allowed; canonical strips them before the token is sent.
func isDecimal(text string) bool {
	return len(text) <= maxFence && strings.Trim(text, "0123456789") == ""
}

// canonical strips leading zeros, so that the script can compare tokens by length and then as
// strings.
func canonical(decimal string) string {
	if decimal == "" {
		return ""
	}
	if trimmed := strings.TrimLeft(decimal, "0"); trimmed != "" {
		return trimmed
	}
	return "0"
}
