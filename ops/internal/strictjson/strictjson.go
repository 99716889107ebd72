// Package strictjson decodes JSON of strangers: it refuses what encoding/json lets pass, and names
// every fault instead of the first.
//
// A member that the type does not have, a member that is given twice, a name in another case, a
// value of another type, and text that is not UTF-8 are faults. null is the same as leaving the
// member out.
package strictjson

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// MaxFaults is the maximum number of faults that are named.
const MaxFaults = 100

// Fault is one thing that is wrong with one field.
type Fault struct {
	// Field is the place in the document, such as "tenants[3].id"; empty for all of it.
	Field string
	// Problem says what is wrong; it continues the name of the field.
	Problem string
}

// Decode reads data into what v points to. It returns the first [MaxFaults] faults and the number
// of all. v has the values of all fields without a fault.
//
// Structs, slices, maps of strings and pointers to them are read member by member; everything else,
// and every type that reads itself, by encoding/json. No data at all is an empty object.
func Decode(data []byte, v any) (faults []Fault, total int) {
	d := decoder{}
	if len(data) == 0 {
		return nil, 0
	}
	var document json.RawMessage
	switch err := json.Unmarshal(data, &document); {
	case err != nil:
		d.fault("", "is not JSON: %s", syntax(err))
	case !utf8.Valid(data):
		d.fault("", "is not UTF-8")
	default:
		d.value(document, reflect.ValueOf(v).Elem(), "")
	}
	return d.faults, d.total
}

// syntax describes an error of encoding/json without showing more of the document than a character.
func syntax(err error) string {
	if e, ok := err.(*json.SyntaxError); ok { //nolint:errorlint // json.Unmarshal returns it as it is
		return fmt.Sprintf("%v, at byte %d", e, e.Offset)
	}
	return err.Error()
}

// decoder collects faults.
type decoder struct {
	faults []Fault
	total  int
}

func (d *decoder) fault(field, format string, args ...any) {
	d.total++
	if len(d.faults) < MaxFaults {
		d.faults = append(d.faults, Fault{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
}

// value reads a value that is valid JSON.
func (d *decoder) value(raw json.RawMessage, v reflect.Value, path string) {
	switch {
	case string(raw) == "null":
	case readsItself(v):
		if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
			d.fault(path, "%s", problem(err, v.Type()))
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(raw, v.Elem(), path)
	case v.Kind() == reflect.Struct:
		d.object(raw, path, func(name string, raw json.RawMessage) {
			if i, known := fieldOf(v.Type(), name); known {
				d.value(raw, v.Field(i), join(path, name))
			} else {
				d.fault(join(path, name), "is unknown")
			}
		})
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		d.object(raw, path, func(name string, raw json.RawMessage) {
			one := reflect.New(v.Type().Elem()).Elem()
			d.value(raw, one, join(path, name))
			v.SetMapIndex(reflect.ValueOf(name), one)
		})
	case v.Kind() == reflect.Slice:
		d.list(raw, v, path)
	default:
		d.leaf(raw, v, path)
	}
}

// readsItself reports whether the type has its own way to be read.
func readsItself(v reflect.Value) bool {
	switch v.Addr().Interface().(type) {
	case json.Unmarshaler, encoding.TextUnmarshaler:
		return true
	}
	return false
}

// fieldOf returns the index of the field whose member has exactly this name.
func fieldOf(t reflect.Type, name string) (int, bool) {
	for i := range t.NumField() {
		if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); tag == name && name != "" {
			return i, true
		}
	}
	return 0, false
}

// maxName is how much of a member's name is shown.
const maxName = 64

// join returns the place of a member.
func join(path, name string) string {
	name = fmt.Sprintf("%.*s", maxName, name)
	if name == "" {
		name = `""` // an empty place is the whole document
	}
	if path == "" {
		return name
	}
	return path + "." + name
}
