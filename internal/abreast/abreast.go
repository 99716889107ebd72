// Package abreast runs more tests of a package at once than there are processors. It is for tests
// that mostly wait, for instance for the end of a lease or for a server that takes over.
package abreast

import (
	"flag"
	"runtime"
	"strconv"
)

// Tests sets how many parallel tests run at once for each processor, unless the flag -test.parallel
// says how many. TestMain calls it, and need not call flag.Parse.
func Tests(perProcessor int) {
	flag.Parse()
	const name = "test.parallel"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return
	}
	if err := flag.Set(name, strconv.Itoa(perProcessor*runtime.GOMAXPROCS(0))); err != nil {
		panic(err) // every test binary has the flag
	}
}
