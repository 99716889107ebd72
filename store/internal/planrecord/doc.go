// Package planrecord has the JSON forms in which stores keep what of a plan is read as a whole: the
// specification that it was created with, its control, and the details of failures and events; and
// those of subscriptions.
//
// The forms are those of released versions: a field is added with omitempty, and never gets another
// name or meaning.
package planrecord
