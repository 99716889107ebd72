package wire

import "strings"

// Names are the Redis keys of one configuration. All of them are in one cluster slot.
type Names struct {
	// Data holds the payload: a string, or a hash when Field is set. It is the caller's own key.
	Data string
	// Field is the hash field that holds the payload; empty for a plain string.
	Field string
	// Head holds the record of the last write: a hash.
	Head string
	// Prev holds the payload that the last write replaced: a string.
	Prev string
	// Acks holds the acknowledgements of the clients: a stream.
	Acks string
	// Channel is the channel on which writes are announced, unless the caller names another one.
	Channel string

	stage string
}

// NamesOf returns the names for the configuration at key, or at field of the hash at key.
func NamesOf(key, field string) Names {
	base := key
	if Tag(key) == "" {
		base = "{" + key + "}"
	}
	suffix := ""
	if field != "" {
		suffix = ":" + field
	}
	return Names{
		Data:    key,
		Field:   field,
		Head:    base + ":head" + suffix,
		Prev:    base + ":prev" + suffix,
		Acks:    base + ":acks" + suffix,
		Channel: base + ":changed" + suffix,
		stage:   base + ":next" + suffix + ":",
	}
}

// Stage returns the key of a string that holds a large payload for the write with this id.
func (n Names) Stage(writeID string) string { return n.stage + writeID }

// Tag returns the hash tag of a key: the part between the first { and the first } after it; empty
// if there is none.
func Tag(key string) string {
	_, rest, ok := strings.Cut(key, "{")
	if !ok {
		return ""
	}
	tag, _, ok := strings.Cut(rest, "}")
	if !ok {
		return ""
	}
	return tag
}

// Nameable reports whether other keys can be named so that they share the slot of key. A key
// without a tag becomes the tag of these names, so it must not contain a }.
func Nameable(key string) bool {
	return Tag(key) != "" || !strings.Contains(key, "}")
}

// BareTag reports whether the key consists of a tag only. The other names of such a key {k} would
// be equal to those of the key k.
func BareTag(key string) bool { return key != "" && key == "{"+Tag(key)+"}" }

// SameSlot reports whether two names share a slot because their tags, or the whole names where
// there is no tag, are equal.
func SameSlot(a, b string) bool { return hashed(a) == hashed(b) }

func hashed(key string) string {
	if tag := Tag(key); tag != "" {
		return tag
	}
	return key
}
