// Package wire has the JSON types of the operators' API: what requests are read into, and what
// answers are made of. It converts between them and the types of the packages plan and task, and
// decides nothing.
//
// Ids and versions are numbers, tokens texts, states and codes words, times RFC 3339 in UTC with
// milliseconds, durations texts like "90s", and amounts numbers or texts like "10%". What is not
// there is left out of an answer; null in a request is the same as leaving a member out.
package wire
