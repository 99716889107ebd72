package wire

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes foreign text safe for logs and reports: valid UTF-8 without control characters, at
// most limit bytes.
func Clean(text string, limit int) string {
	clean := true
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f {
			clean = false
			break
		}
	}
	if !clean {
		text = strings.Map(printable, strings.ToValidUTF8(text, "\uFFFD"))
	}
	if len(text) <= limit {
		return text
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}

// MaxErrorText is the maximum length in bytes of foreign text in errors and reports.
const MaxErrorText = 256

// PanicText returns the value of a panic in the host's code as a clean string.
func PanicText(value any) string { return Clean(fmt.Sprint(value), MaxErrorText) }

// PanicError returns the error of a call of the host's code that has panicked with this value.
func PanicError(value any) error { return errors.New("panic: " + PanicText(value)) }
