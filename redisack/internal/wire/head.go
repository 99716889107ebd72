package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Head is the record of the last write. It is stored in a hash next to the payload.
type Head struct {
	Rev     uint64
	Version string
	WriteID string
	Sum     string
	Fence   string
	// At is when the write happened, by the clock of the Redis node.
	At time.Time
	// AckPos is the id of the last acknowledgement before the write.
	AckPos string
	// Recent are the last writes, oldest first, including the current one.
	Recent []Write
	// Prev is the previous write, whose payload is at Names.Prev; zero if there was none.
	Prev Previous
}

// Write identifies one past write.
type Write struct {
	ID  string
	Rev uint64
}

// Previous describes the payload that the last write replaced.
type Previous struct {
	Version, Sum string
}

// ParseHead reads the fields of a head record. ok is false when there is no record.
func ParseHead(fields map[string]string) (head Head, ok bool, err error) {
	if len(fields) == 0 || fields["rev"] == "" {
		return Head{}, false, nil
	}
	rev, err := strconv.ParseUint(fields["rev"], 10, 64)
	if err != nil {
		return Head{}, false, fmt.Errorf("head: revision %q: %w", Clean(fields["rev"], 40), err)
	}
	head = Head{
		Rev:     rev,
		Version: fields["version"],
		WriteID: fields["wid"],
		Sum:     fields["sum"],
		Fence:   fields["fence"],
		At:      Millis(fields["at"]),
		AckPos:  fields["ackpos"],
		Recent:  parseRecent(fields["recent"]),
		Prev:    Previous{Version: fields["prev_version"], Sum: fields["prev_sum"]},
	}
	return head, true, nil
}

// Holds reports whether the write is the current one or one before it. known is false if the record
// does not reach back far enough to decide.
func (h Head) Holds(writeID string, rev uint64) (held, known bool) {
	for _, w := range h.Recent {
		if w.ID == writeID {
			return w.Rev == rev, true
		}
	}
	reaches := len(h.Recent) > 0 && h.Recent[0].Rev <= rev
	return false, reaches
}

func parseRecent(text string) []Write {
	var writes []Write
	for item := range strings.FieldsSeq(text) {
		id, digits, _ := strings.Cut(item, ":")
		if rev, err := strconv.ParseUint(digits, 10, 64); err == nil {
			writes = append(writes, Write{ID: id, Rev: rev})
		}
	}
	return writes
}

// Millis parses a Unix time in milliseconds; it returns the zero time for any other text.
func Millis(text string) time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
