package redisack

import (
	"fmt"
	"strings"
)

// Fault is one error in the input.
type Fault struct{ Field, Problem string }

// InvalidError names every fault of the input. Nothing has been written. It matches ErrInvalid.
type InvalidError struct{ Faults []Fault }

// maxFaultsShown bounds the faults in the text of an InvalidError; its list contains all of them.
const maxFaultsShown = 20

func (e *InvalidError) Error() string {
	var b strings.Builder
	b.WriteString("redisack: invalid input: ")
	for i, fault := range e.Faults {
		if i == maxFaultsShown {
			fmt.Fprintf(&b, "; and %d more", len(e.Faults)-i)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(fault.Field + " " + fault.Problem)
	}
	return b.String()
}

// Is makes the error match ErrInvalid.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// faults collects the faults of the input.
type faults struct{ list []Fault }

func (f *faults) add(field, problem string) {
	f.list = append(f.list, Fault{Field: field, Problem: problem})
}

func (f *faults) when(bad bool, field, problem string) {
	if bad {
		f.add(field, problem)
	}
}

func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &InvalidError{Faults: f.list}
}
