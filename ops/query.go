package ops

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/store"
)

// query reads the parameters of a request, and collects their faults.
type query struct {
	values url.Values
	faults faults
}

// repeatable are the parameters that may be given more than once.
var repeatable = []string{"state", "code", "step", "wave", "label", "plan"} //nolint:gochecknoglobals // a constant table

// query returns the parameters of the request, which may have only the known ones.
func (c *call) query(known ...string) *query {
	q := &query{}
	var err error
	if q.values, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		q.faults.add("", "has a query that cannot be read")
	}
	for name, values := range q.values {
		switch {
		case !slices.Contains(known, name):
			q.faults.add(fmt.Sprintf("%.64s", name), "is unknown")
		case len(values) > 1 && !slices.Contains(repeatable, name):
			q.faults.add(name, "is given twice")
		}
	}
	slices.SortFunc(q.faults.list, func(a, b wire.Fault) int { return strings.Compare(a.Field, b.Field) }) // maps have no order
	return q
}

func (q *query) err() error { return q.faults.err() }

// defaultLimit is the size of a page that the request says nothing about.
const defaultLimit = 100

// limit returns the size of the page.
func (q *query) limit() int {
	text := q.values.Get("limit")
	if text == "" {
		return defaultLimit
	}
	n, ok := number(text, store.MaxPage)
	if !ok || n == 0 {
		q.faults.add("limit", fmt.Sprintf("is not a number from 1 to %d", store.MaxPage))
	}
	return int(n)
}

// position returns a position in a log, 0 for its beginning.
func (q *query) position(name string) int64 {
	text := q.values.Get(name)
	if text == "" {
		return 0
	}
	n, ok := number(text, math.MaxInt64)
	if !ok {
		q.faults.add(name, "is not the number of an event")
	}
	return n
}

// number reads a number from 0 to most that is written without a sign or leading zeros.
func number(text string, most int64) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most || strconv.FormatInt(n, 10) != text {
		return 0, false
	}
	return n, true
}

// parsed reads the values of a parameter, each once.
func parsed[T comparable](q *query, name string, parse func(string) (T, error)) []T {
	var list []T
	for _, text := range q.values[name] {
		v, err := parse(text)
		if err != nil {
			q.faults.add(name, err.Error())
			continue
		}
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// cursorKind is a kind of cursors: the beginning of their texts. A cursor is opaque to clients.
type cursorKind string

// The kinds.
const (
	cursorOfPlans    cursorKind = "p"
	cursorOfTasks    cursorKind = "t"
	cursorOfFailures cursorKind = "f"
	cursorOfWorkers  cursorKind = "w"
)

// text returns the cursor of a position.
func (k cursorKind) text(position int64) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendInt([]byte(k), position, 10))
}

// cursor returns the position of the cursor, at most the last one; 0 if the request has none.
func (q *query) cursor(k cursorKind, last int64) int64 {
	text := q.values.Get("cursor")
	if text == "" {
		return 0
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(raw) > len(k) && string(raw[:len(k)]) == string(k) {
		if n, ok := number(string(raw[len(k):]), last); ok && n > 0 && k.text(n) == text {
			return n
		}
	}
	q.faults.add("cursor", "is not one that a page of this list has named")
	return 0
}

// name returns the cursor of a name.
func (k cursorKind) name(name string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(string(k) + name))
}

// nameCursor returns the name of the cursor, empty if the request has none.
func (q *query) nameCursor(k cursorKind) string {
	text := q.values.Get("cursor")
	if text == "" {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	name, ok := strings.CutPrefix(string(raw), string(k))
	if err != nil || !ok || name == "" || k.name(name) != text {
		q.faults.add("cursor", "is not one that a page of this list has named")
	}
	return name
}
