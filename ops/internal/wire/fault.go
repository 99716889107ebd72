package wire

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cutover-go/cutover/plan"
)

// Fault is one thing that is wrong, or suspicious, with one field of a request.
type Fault struct {
	// Field is the place in the body, such as "tenants[3].id"; the name of a header or parameter;
	// empty for the whole request.
	Field   string `json:"field"`
	Problem string `json:"problem"`
	// Line is the line of an uploaded list, from 1.
	Line int `json:"line,omitzero"`
}

// Faults returns faults of a spec, with the fields as the request names them.
func (s *Spec) Faults(faults []plan.Fault) []Fault {
	list := s.list().Faults(faults)
	for i := range list {
		if list[i].Field == "idempotencyKey" {
			list[i].Field = "Idempotency-Key"
		}
	}
	return list
}

// Faults returns faults of a tuning, with the fields as the request names them.
func (t *Tuning) Faults(faults []plan.Fault) []Fault {
	list := make([]Fault, len(faults))
	for i, f := range faults {
		list[i] = Fault{Field: Field(f.Field), Problem: f.Problem}
		if f.Field == "Tuning" {
			list[i].Field = ""
		}
		for at, w := range t.Waves { // package strategy numbers waves, the request lists them
			if rest, is := strings.CutPrefix(f.Field, fmt.Sprintf("Waves[%d]", w.Wave)); is {
				list[i].Field = fmt.Sprintf("waves[%d]", at) + Field(rest)
			}
		}
	}
	return list
}

// Field returns the name of a member, of a field of a Go type: "tenants[3].id" of "Tenants[3].ID".
func Field(name string) string {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		if part == "ID" {
			parts[i] = "id"
			continue
		}
		first, size := utf8.DecodeRuneInString(part)
		if size > 0 {
			parts[i] = string(unicode.ToLower(first)) + part[size:]
		}
	}
	return strings.Join(parts, ".")
}

// Faults returns faults with the fields as requests name them.
func Faults(faults []plan.Fault) []Fault {
	list := make([]Fault, len(faults))
	for i, f := range faults {
		list[i] = Fault{Field: Field(f.Field), Problem: f.Problem}
	}
	return list
}
