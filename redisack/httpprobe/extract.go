package httpprobe

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Answer is an answer of an endpoint with a 2xx status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Extract extracts one value, such as the version, from an answer. It must not retain the answer.
// An error, or an empty value, makes the probe fail; the endpoint may then be asked again.
type Extract func(Answer) (string, error)

var errNoJSON = errors.New("the body is not JSON")

// errNoVersion is the error of an extractor if the answer is well-formed but lacks the value.
var errNoVersion = errors.New("the answer does not contain the value")

// JSONField extracts a string or a number from a JSON body. The path consists of member names and
// list indexes, separated by dots: "spec.containers.0.image". A dot inside a name is written "\.".
// The empty path means the body itself. An object, list, boolean or null at the path is an error.
func JSONField(path string) Extract {
	steps := splitPath(path)
	return func(a Answer) (string, error) {
		if !json.Valid(a.Body) {
			return "", errNoJSON
		}
		node := trimJSON(a.Body)
		for _, step := range steps {
			next, ok := child(node, step)
			if !ok {
				return "", errNoVersion
			}
			node = next
		}
		return scalar(node)
	}
}

func splitPath(path string) []string {
	if path == "" {
		return nil
	}
	const dot = "\x00"
	steps := strings.Split(strings.ReplaceAll(path, `\.`, dot), ".")
	for i := range steps {
		steps[i] = strings.ReplaceAll(steps[i], dot, ".")
	}
	return steps
}

// Header extracts the value of a response header; it ignores the body.
func Header(name string) Extract {
	return func(a Answer) (string, error) {
		values := a.Header.Values(name)
		if len(values) > 1 {
			return "", fmt.Errorf("header %s occurs %d times", name, len(values))
		}
		if len(values) == 0 || strings.TrimSpace(values[0]) == "" {
			return "", fmt.Errorf("%w: no header %s", errNoVersion, http.CanonicalHeaderKey(name))
		}
		return strings.TrimSpace(values[0]), nil
	}
}

// Regexp extracts the first group of the first match in the body, or the whole match if the
// expression has no group.
func Regexp(re *regexp.Regexp) Extract {
	return func(a Answer) (string, error) {
		found := re.FindSubmatch(a.Body)
		switch {
		case found == nil:
			return "", errNoVersion
		case len(found) > 1:
			return string(found[1]), nil
		}
		return string(found[0]), nil
	}
}

// Text extracts the body itself: one line of text, without the white space around it.
func Text() Extract {
	return func(a Answer) (string, error) {
		text := strings.TrimSpace(string(a.Body))
		if strings.ContainsAny(text, "\r\n") || strings.HasPrefix(text, "<") || !utf8.ValidString(text) {
			return "", errors.New("the body is not one line of text")
		}
		return text, nil
	}
}
