package httpprobe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// The functions in this file search JSON that json.Valid has accepted, without decoding the other
// values: status bodies may be long, and a run may have to read one field from each of ten thousand
// bodies.

// child returns the value of an object's member or of a list's element. If a name occurs twice, the
// last member counts, as in encoding/json.
func child(node []byte, step string) (value []byte, found bool) {
	if len(node) == 0 || (node[0] != '{' && node[0] != '[') {
		return nil, false
	}
	object := node[0] == '{'
	index := 0
	for rest := trimJSON(node[1:]); rest[0] != '}' && rest[0] != ']'; index++ {
		name := rest
		if object {
			end := valueEnd(rest)
			name, rest = rest[:end], trimJSON(trimJSON(rest[end:])[1:]) // after the colon
		}
		end := valueEnd(rest)
		if (object && isName(name, step)) || (!object && strconv.Itoa(index) == step) {
			value, found = rest[:end], true
		}
		if rest = trimJSON(rest[end:]); rest[0] == ',' {
			rest = trimJSON(rest[1:])
		}
	}
	return value, found
}

// isName reports whether a quoted name equals a plain one.
func isName(quoted []byte, name string) bool {
	if plain, ok := plainText(quoted); ok {
		return string(plain) == name
	}
	var text string
	return json.Unmarshal(quoted, &text) == nil && text == name
}

// plainText returns what is between the quotes of a string if it needs no decoding.
func plainText(quoted []byte) (plain []byte, ok bool) {
	plain = quoted[1 : len(quoted)-1]
	for _, c := range plain {
		if c == '\\' || c >= 0x80 {
			return nil, false
		}
	}
	return plain, true
}

// valueEnd returns the length of the value at the start of the text.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = quoteEnd(text, i)
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return i // a number has ended
			}
			depth--
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

// quoteEnd returns the index of the quote that ends the string which begins at i.
func quoteEnd(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++ // the escaped character
		}
	}
	return i
}

// scalar returns a string, or a number as it is written, because a float64 would lose digits.
func scalar(node []byte) (string, error) {
	kind := "a boolean"
	switch c := node[0]; {
	case c == '"':
		if plain, ok := plainText(node); ok {
			return string(plain), nil
		}
		var text string
		err := json.Unmarshal(node, &text)
		return text, err
	case c == '-' || (c >= '0' && c <= '9'):
		return string(node), nil
	case c == '{':
		kind = "an object"
	case c == '[':
		kind = "a list"
	case c == 'n':
		kind = "null"
	}
	return "", fmt.Errorf("found %s instead of a string or number", kind)
}

func trimJSON(text []byte) []byte { return bytes.Trim(text, " \t\r\n") }
