package rules

import "github.com/cutover-go/cutover/store"

// Occupy sets the results of an occupation and reports whether its place is to be stored. had is
// the place that the task has in the quota, if has is set; taken is how many are taken there, which
// does not matter then.
func Occupy(o *store.Occupation, had store.Place, has bool, taken int) bool {
	replaced := o.Place
	replaced.Phase = o.From
	o.Taken, o.Other = false, store.Place{}
	switch {
	case has && had != o.Place && (o.From == 0 || had != replaced):
		o.Other = had
	case has || taken < o.Max:
		o.Taken = true
	}
	return o.Taken
}
