package redistest

import (
	"flag"
	"runtime"
	"strconv"
)

// Abreast lets that many parallel tests run at once for each processor, unless a flag says
// how many. It is for packages whose tests mostly wait: for the end of a lease, for servers
// that take over. TestMain calls it after flag.Parse.
func Abreast(perProcessor int) error {
	const name = "test.parallel"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return nil
	}
	return flag.Set(name, strconv.Itoa(perProcessor*runtime.GOMAXPROCS(0)))
}
