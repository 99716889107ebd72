// Package sqltest has what the tests of the stores on SQL share: an operator who works on a plan,
// and what is promised of rows that make no sense. Only tests import it.
package sqltest
