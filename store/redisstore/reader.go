package redisstore

import (
	"strconv"
	"strings"

	"github.com/cutover-go/cutover/store"
)

// reader parses an answer of a script. After the first fault it returns zero values. The returned
// strings share the answer's memory.
type reader struct {
	key  string // for the error
	rest string
	bad  bool
}

// until returns the string before the next sep, and skips both.
func (r *reader) until(sep byte) string {
	i := strings.IndexByte(r.rest, sep)
	if i < 0 {
		r.bad, r.rest = true, ""
		return ""
	}
	v := r.rest[:i]
	r.rest = r.rest[i+1:]
	return v
}

// number returns the number before the next sep.
func (r *reader) number(sep byte) int64 {
	n, err := strconv.ParseInt(r.until(sep), 10, 64)
	if err != nil {
		r.bad = true
	}
	return n
}

// size returns the length of the string that follows: one byte, or 255 and four bytes.
func (r *reader) size() int {
	b := r.take(1)
	if r.bad {
		return 0
	}
	if b[0] < 255 {
		return int(b[0])
	}
	high := r.take(1)
	if r.bad {
		return 0
	}
	return int(high[0])<<24 | r.number24()
}

// number24 returns a number of three bytes.
func (r *reader) number24() int {
	b := r.take(3)
	if r.bad {
		return 0
	}
	return int(b[0])<<16 | int(b[1])<<8 | int(b[2])
}

// sized returns a string that is preceded by its length.
func (r *reader) sized() string { return r.take(r.size()) }

// take returns the next n bytes.
func (r *reader) take(n int) string {
	if n < 0 || n > len(r.rest) {
		r.bad, r.rest = true, ""
		return ""
	}
	v := r.rest[:n]
	r.rest = r.rest[n:]
	return v
}

// more reports whether there is anything left to read.
func (r *reader) more() bool { return !r.bad && r.rest != "" }

// err returns a *store.CorruptError if any part could not be parsed.
func (r *reader) err() error {
	if !r.bad {
		return nil
	}
	return &store.CorruptError{Key: r.key, Reason: "a script's answer makes no sense"}
}
