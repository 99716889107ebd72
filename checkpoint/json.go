package checkpoint

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth is the greatest depth of arrays and objects in each other that encoding/json decodes.
const maxDepth = 10_000

// isJSON reports whether data is one JSON value. It accepts exactly what json.Valid accepts, in a
// small part of its time: every save of every task passes through here.
func isJSON(data []byte) bool {
	end := text(data).value(text(data).space(0), 0)
	return end >= 0 && text(data).space(end) == len(data)
}

// text is text that may be JSON. Its methods take the index at which something is expected, and
// return the index after it, or -1 if something else is there. They return an index below 0 as it
// is, so that their calls can be chained.
type text []byte

// at returns the byte at an index, 0 if there is none. Nothing is expected that a 0 could be.
func (t text) at(i int) byte {
	if uint(i) < uint(len(t)) {
		return t[i]
	}
	return 0
}

// space returns the index after white space, which may be absent.
func (t text) space(i int) int {
	for c := t.at(i); c == ' ' || c == '\n' || c == '\t' || c == '\r'; c = t.at(i) {
		i++
	}
	return i
}

// value expects a value that depth arrays and objects surround.
func (t text) value(i, depth int) int {
	switch c := t.at(i); {
	case c == '"':
		return t.str(i)
	case c == '{' && depth < maxDepth:
		return t.list(i, '}', depth+1, text.member)
	case c == '[' && depth < maxDepth:
		return t.list(i, ']', depth+1, text.value)
	case c == 't':
		return t.word(i, "true")
	case c == 'f':
		return t.word(i, "false")
	case c == 'n':
		return t.word(i, "null")
	}
	return t.number(i)
}

func (t text) word(i int, word string) int {
	if end := i + len(word); end <= len(t) && string(t[i:end]) == word {
		return end
	}
	return -1
}

// list expects an array or object with its elements, up to the byte last.
func (t text) list(i int, last byte, depth int, element func(t text, i, depth int) int) int {
	if i = t.space(i + 1); t.at(i) == last {
		return i + 1
	}
	for {
		if i = element(t, i, depth); i < 0 {
			return i
		}
		i = t.space(i)
		switch t.at(i) {
		case last:
			return i + 1
		case ',':
			i = t.space(i + 1)
		default:
			return -1
		}
	}
}

// member expects a name and a value.
func (t text) member(i, depth int) int {
	if i = t.str(i); i < 0 {
		return i
	}
	if i = t.space(i); t.at(i) != ':' {
		return -1
	}
	return t.value(t.space(i+1), depth)
}

// number expects a number.
func (t text) number(i int) int {
	if t.at(i) == '-' {
		i++
	}
	if t.at(i) == '0' {
		i++
	} else {
		i = t.digits(i)
	}
	if t.at(i) == '.' {
		i = t.digits(i + 1)
	}
	if t.at(i)|0x20 != 'e' {
		return i
	}
	i++
	if c := t.at(i); c == '+' || c == '-' {
		i++
	}
	return t.digits(i)
}

// digits expects one digit or more.
func (t text) digits(i int) int {
	from := i
	for c := t.at(i); '0' <= c && c <= '9'; c = t.at(i) {
		i++
	}
	if i == from {
		return -1
	}
	return i
}

// str expects a string.
func (t text) str(i int) int {
	if t.at(i) != '"' {
		return -1
	}
	for i++; ; {
		i = t.plain(i)
		switch t.at(i) {
		case '"':
			return i + 1
		case '\\':
			if i = t.escape(i + 1); i < 0 {
				return i
			}
		default: // a control character, or the end
			return -1
		}
	}
}

// escape expects what may follow a backslash.
func (t text) escape(i int) int {
	switch t.at(i) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for range 4 {
			i++
			if c := t.at(i); (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return -1
			}
		}
		return i + 1
	}
	return -1
}

// plain returns the index of the next quote, backslash or control character, or the end. It looks
// at eight bytes at once.
func (t text) plain(i int) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(t); i += 8 {
		w := binary.LittleEndian.Uint64(t[i:])
		// A byte below n borrows when n is subtracted from it, which sets its high bit. A bit that
		// is set falsely, by the borrow of the byte before, is never the lowest.
		quote, slash := w^(each*'"'), w^(each*'\\')
		found := (w - each*0x20) &^ w
		found |= (quote - each) &^ quote
		found |= (slash - each) &^ slash
		if found &= high; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(t); i++ {
		if c := t[i]; c == '"' || c == '\\' || c < 0x20 {
			break
		}
	}
	return i
}
