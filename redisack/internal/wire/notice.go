package wire

import (
	"encoding/json"
	"strings"
)

// Notice is the announcement of a write. It never carries the payload, so that a duplicate or late
// one is harmless.
type Notice struct {
	Key     string `json:"key"`
	Field   string `json:"field,omitempty"`
	Version string `json:"version"`
	WriteID string `json:"wid"`
	Rev     Rev    `json:"rev"`
}

// Around returns the parts of the encoded notice before and after the revision, which the write
// script inserts.
func (n Notice) Around() (before, after string) {
	n.Rev = 0
	text, err := json.Marshal(n)
	if err != nil { // strings and an integer always encode
		return `{"rev":"`, `"}`
	}
	const end = `0"}`
	return strings.TrimSuffix(string(text), end), `"}`
}

// ParseNotice reads an announcement.
func ParseNotice(text string) (Notice, error) {
	var n Notice
	err := json.Unmarshal([]byte(text), &n)
	return n, err
}
