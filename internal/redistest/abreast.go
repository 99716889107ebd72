package redistest

import (
	"flag"
	"runtime"
	"strconv"
)

// Abreast sets the number of parallel tests per processor, unless the flag -test.parallel is set.
// It is for packages whose tests mostly wait, for instance for the end of a lease or for a server
// that takes over. TestMain calls Abreast after flag.Parse.
func Abreast(perProcessor int) error {
	const name = "test.parallel"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return nil
	}
	return flag.Set(name, strconv.Itoa(perProcessor*runtime.GOMAXPROCS(0)))
}
