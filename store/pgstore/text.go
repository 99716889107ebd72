package pgstore

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// marker begins a text that PostgreSQL cannot store as it is, in hexadecimal: one with a zero byte,
// or that is no UTF-8. Texts that begin with the marker are stored so, too.
const marker = `\x`

func encoded(s string) string {
	if !strings.HasPrefix(s, marker) && strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return marker + hex.EncodeToString([]byte(s))
}

// decoded returns what encoded was given, and text itself if it makes no sense.
func decoded(text string) string {
	digits, is := strings.CutPrefix(text, marker)
	if !is {
		return text
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return text
	}
	return string(b)
}
