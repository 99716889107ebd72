package task

import (
	"strings"
	"unicode/utf8"
)

// Cut returns s as valid UTF-8 of at most n bytes, cut between runes.
func Cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
