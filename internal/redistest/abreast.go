package redistest

import (
	"flag"
	"runtime"
	"strconv"
)

// Abreast sets how many parallel tests run per processor, unless a flag sets their number. It is
// for packages whose tests mostly wait: for the end of a lease, for servers that take over.
// TestMain calls it after flag.Parse.
func Abreast(perProcessor int) error {
	const name = "test.parallel"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return nil
	}
	return flag.Set(name, strconv.Itoa(perProcessor*runtime.GOMAXPROCS(0)))
}
