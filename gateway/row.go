package gateway

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cutover-go/cutover/task"
)

// Row is where one tenant is routed. A proxy serves it in one value, so that an answer cannot carry
// the colour of one row and the revision of another.
type Row struct {
	// Colour is the proxy's backend or upstream.
	Colour string
	// Rev is the revision of the table in which this row was written. Zero means that the tenant
	// has no row and is at the default colour.
	Rev uint64
	// Token is the greatest fencing token under which the row was written. A change with a lower
	// one is refused.
	Token task.Token
	// Other is a second colour, which serves Weight percent of the tenant's requests. Default:
	// none.
	Other string
	// Weight is 1 to 99 if there is another colour, and 0 if there is none.
	Weight int
}

// String returns "colour|revision|token", or "colour|revision|token|weight|other" if a share goes
// to another colour. This is what proxies serve.
func (r Row) String() string { return string(r.AppendTo(nil)) }

// AppendTo appends what String returns to a text.
func (r Row) AppendTo(text []byte) []byte {
	text = append(append(text, r.Colour...), '|')
	text = append(strconv.AppendUint(text, r.Rev, 10), '|')
	text = strconv.AppendUint(text, uint64(r.Token), 10)
	if r.Weight == 0 {
		return text
	}
	text = strconv.AppendInt(append(text, '|'), int64(r.Weight), 10)
	return append(append(text, '|'), r.Other...)
}

// ParseRow reads the forms that [Row.String] writes. Any other text is an error.
func ParseRow(text string) (Row, error) {
	parts := strings.Split(text, "|")
	if len(parts) != 3 && len(parts) != 5 || CheckColour(parts[0]) != nil {
		return Row{}, notARow(text)
	}
	rev, err1 := number(parts[1])
	token, err2 := number(parts[2])
	if err1 != nil || err2 != nil {
		return Row{}, notARow(text)
	}
	r := Row{Colour: parts[0], Rev: rev, Token: task.Token(token)}
	if len(parts) == 3 {
		return r, nil
	}
	weight, err := number(parts[3])
	if err != nil || weight < 1 || weight > 99 || CheckColour(parts[4]) != nil || parts[4] == r.Colour {
		return Row{}, notARow(text)
	}
	r.Weight, r.Other = int(weight), parts[4]
	return r, nil
}

func notARow(text string) error {
	return fmt.Errorf("gateway: %.64q is not of the form colour|revision|token or colour|revision|token|weight|colour", text)
}

// number reads a number that has only one spelling, so that equal rows are equal texts.
func number(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err == nil && strconv.FormatUint(n, 10) != text {
		err = strconv.ErrSyntax
	}
	return n, err
}

// Rows are the rows of a table by tenant.
type Rows map[string]Row
