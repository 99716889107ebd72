package archtest_test

import (
	"slices"
	"strings"
	"testing"
)

func TestImports(t *testing.T) {
	t.Parallel()
	watchSources(t)
	packages := loadPackages(t)
	if len(packages) == 0 {
		t.Fatal("the module has no packages")
	}
	for _, fault := range check(packages) {
		t.Error(fault)
	}
}

// TestEachArrowHasItsPackage checks that every package named in an arrow exists: a rule for a
// package that does not exist checks nothing.
func TestEachArrowHasItsPackage(t *testing.T) {
	t.Parallel()
	watchSources(t)
	packages := loadPackages(t)
	for _, a := range arrows {
		if !slices.ContainsFunc(packages, func(p pkg) bool { return matches(a.from, p.name) }) {
			t.Errorf("an arrow from %s, which does not exist", a.from)
		}
		for _, to := range a.to {
			if !slices.ContainsFunc(packages, func(p pkg) bool { return matches(to, p.name) }) {
				t.Errorf("an arrow from %s to %s, which does not exist", a.from, to)
			}
		}
	}
}

// TestFewImportTheRoot checks that no package links the root, which puts the services together, but
// those that are made for its users.
func TestFewImportTheRoot(t *testing.T) {
	t.Parallel()
	watchSources(t)
	for _, p := range loadPackages(t) {
		if slices.Contains(p.deps, module) && !slices.Contains(above, p.name) {
			t.Errorf("%s links the root package", p.name)
		}
	}
}

func TestCheckFindsFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		pkg  pkg
		want []string // a part of each fault, in order; none if there is no fault
	}{
		"down":                    {pkg: importing("plan", module+"/task", module+"/plan/strategy", "fmt", "time")},
		"up":                      {pkg: importing("task", module+"/plan"), want: []string{"task imports plan"}},
		"sideways":                {pkg: importing("redisack", module+"/renewal"), want: []string{"redisack imports renewal"}},
		"to the root":             {pkg: importing("store/memstore", module), want: []string{"store/memstore imports ."}},
		"internal to the root":    {pkg: importing("internal/dispatch", module), want: []string{"internal/dispatch imports ."}},
		"from the root":           {pkg: importing(".", module+"/store", module+"/executor", "go.uber.org/zap")},
		"root to a driver":        {pkg: importing(".", module+"/store/memstore"), want: []string{". imports store/memstore"}},
		"own tree":                {pkg: importing("redisack/agent", module+"/redisack", module+"/redisack/internal/wire")},
		"unknown package":         {pkg: importing("util"), want: []string{"util: has no arrow"}},
		"prefix is no parent":     {pkg: importing("operations"), want: []string{"operations: has no arrow"}},
		"I/O in a pure one":       {pkg: importing("task", "os", "net/url"), want: []string{"task imports os", "task imports net/url"}},
		"library in a pure one":   {pkg: importing("plan", "go.uber.org/zap"), want: []string{"plan imports go.uber.org/zap; it is pure"}},
		"unlisted library":        {pkg: importing("hook", "example.org/x"), want: []string{"not on the list"}},
		"net/http out of place":   {pkg: importing("renewal", "net/http"), want: []string{"renewal imports net/http"}},
		"Redis out of place":      {pkg: linking("hook", "github.com/redis/go-redis/v9"), want: []string{"hook links github.com/redis/go-redis/v9"}},
		"Redis in its place":      {pkg: linking("store/redisstore", "github.com/redis/go-redis/v9/internal")},
		"zap's own use of http":   {pkg: linking(".", "net/http")},
		"test library for a host": {pkg: importing("redisack", "go.uber.org/goleak"), want: []string{"its place is internal/redistest"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := check([]pkg{test.pkg})
			if !slices.EqualFunc(got, test.want, strings.Contains) {
				t.Errorf("faults %q, want %q", got, test.want)
			}
		})
	}
}

// importing returns a package with direct imports.
func importing(name string, imports ...string) pkg {
	return pkg{name: name, imports: imports, deps: imports}
}

// linking returns a package that links deps through other packages.
func linking(name string, deps ...string) pkg { return pkg{name: name, deps: deps} }
