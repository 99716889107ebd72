package wire

import (
	"bytes"
	"fmt"
	"strconv"
)

// Rev is a revision that is written to JSON as a decimal string and read from a string or an
// integer.
type Rev uint64

// MarshalJSON writes a decimal string.
func (r Rev) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatUint(uint64(r), 10)), nil
}

// UnmarshalJSON reads a decimal string or an integer without loss.
func (r *Rev) UnmarshalJSON(text []byte) error {
	digits := bytes.Trim(text, `"`)
	if len(digits) == 0 || bytes.Equal(text, []byte("null")) {
		*r = 0
		return nil
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return fmt.Errorf("revision %q is not a decimal integer", Clean(string(digits), 40))
	}
	*r = Rev(n)
	return nil
}
