package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/cutover-go/cutover/internal/textform"
)

// object calls member for every member of an object.
func (d *decoder) object(raw json.RawMessage, path string, member func(name string, raw json.RawMessage)) {
	if raw[0] != '{' {
		d.fault(path, "is not an object")
		return
	}
	seen := make(map[string]bool)
	in := json.NewDecoder(bytes.NewReader(raw))
	_, _ = in.Token()
	for in.More() {
		key, _ := in.Token()
		name, _ := key.(string)
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			d.fault(path, "is not JSON") // cannot be: the document was read before
			return
		}
		if seen[name] {
			d.fault(join(path, name), "is given twice")
			continue
		}
		seen[name] = true
		member(name, value)
	}
}

// list reads an array.
func (d *decoder) list(raw json.RawMessage, v reflect.Value, path string) {
	if raw[0] != '[' {
		d.fault(path, "is not a list")
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, 0)
	in := json.NewDecoder(bytes.NewReader(raw))
	_, _ = in.Token()
	for i := 0; in.More(); i++ {
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			d.fault(path, "is not JSON") // cannot be: the document was read before
			return
		}
		one := reflect.New(v.Type().Elem()).Elem()
		place := func() string { return fmt.Sprintf("%s[%d]", path, i) }
		switch {
		case string(value) == "null":
			d.fault(place(), "is null")
		case one.Kind() == reflect.String && value[0] == '"' && !bytes.ContainsRune(value, '\\'):
			one.SetString(string(value[1 : len(value)-1])) // the usual entry of a long list
		default:
			d.value(value, one, place())
		}
		list = reflect.Append(list, one)
	}
	v.Set(list)
}

// leaf reads a value that has no members.
func (d *decoder) leaf(raw json.RawMessage, v reflect.Value, path string) {
	if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
		d.fault(path, "%s", problem(err, v.Type()))
		return
	}
	if v.Kind() == reflect.String && replaced(raw, v.String()) {
		d.fault(path, "has half of a surrogate pair")
	}
}

// replaced reports whether encoding/json has put the replacement character in place of something
// else, which would make different texts the same.
func replaced(raw json.RawMessage, text string) bool {
	return strings.ContainsRune(text, utf8.RuneError) && !bytes.ContainsRune(raw, utf8.RuneError) &&
		!bytes.Contains(bytes.ToLower(raw), []byte(`\ufffd`))
}

// problem says what is wrong with a value that could not be read.
func problem(err error, t reflect.Type) string {
	var word *textform.Error
	if errors.As(err, &word) {
		return word.Error()
	}
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return err.Error()
	}
	switch t.Kind() {
	case reflect.String:
		return "is not a text"
	case reflect.Bool:
		return "is neither true nor false"
	case reflect.Int, reflect.Int64:
		return fmt.Sprintf("is not a whole number from %d to %d", int64(-1)<<(t.Bits()-1), uint64(1)<<(t.Bits()-1)-1)
	case reflect.Uint, reflect.Uint64:
		return "is not a whole number that is not negative"
	default:
		return "is a " + mismatch.Value
	}
}
