package archtest_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Limits that keep a package readable: few files that can only be understood together, and no
// receiver with too many methods.
const (
	maxCircle  = 8
	maxMethods = 45
)

// tests are packages that are one test, and are packages so that other modules can run it. As in
// other tests, many of their files use each other.
var tests = []string{"internal/simulation"}

// shape describes how the files of a package, without its tests, depend on each other.
type shape struct {
	pkg     string
	files   int
	circle  []string       // the largest set of files that all use each other: see largestCircle
	methods map[string]int // the number of methods, by receiver
}

func TestShape(t *testing.T) {
	t.Parallel()
	watchSources(t)
	for _, s := range shapes(t) {
		receiver, most := "", 0
		for name, n := range s.methods {
			if n > most {
				receiver, most = name, n
			}
		}
		t.Logf("%-40s %3d files, %2d in the largest circle; %s has %d methods", s.pkg, s.files, len(s.circle), receiver, most)
		if len(s.circle) > maxCircle && !slices.Contains(tests, s.pkg) {
			t.Errorf("%s: %d files use each other, at most %d may: %v", s.pkg, len(s.circle), maxCircle, s.circle)
		}
		if most > maxMethods {
			t.Errorf("%s: %s has %d methods, at most %d may be", s.pkg, receiver, most, maxMethods)
		}
	}
}

// compiled is the output of go list for a package.
type compiled struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	Module                  *struct{ Main bool }
}

// shapes type-checks the packages of the module, using the compiler's export data for their
// imports.
var shapes = once(func() (found []shape, err error) {
	exports := map[string]string{}
	var own []compiled
	all, err := goList[compiled]("-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,Module", "./...")
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		exports[p.ImportPath] = p.Export
		if p.Module != nil && p.Module.Main {
			own = append(own, p)
		}
	}
	files := token.NewFileSet()
	imports := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, p := range own {
		s, err := shapeOf(files, imports, p)
		if err != nil {
			return nil, err
		}
		found = append(found, s)
	}
	return found, nil
})

func shapeOf(files *token.FileSet, imports types.Importer, p compiled) (shape, error) {
	var parsed []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return shape{}, err
		}
		parsed = append(parsed, file)
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	config := types.Config{Importer: imports}
	pkg, err := config.Check(p.ImportPath, files, parsed, &info)
	if err != nil {
		return shape{}, err
	}
	name, _ := local(p.ImportPath)
	s := shape{pkg: name, files: len(parsed), methods: map[string]int{}}
	fileOf := func(pos token.Pos) string { return filepath.Base(files.Position(pos).Filename) }
	uses := map[string]map[string]bool{}
	for id, object := range info.Uses {
		if object.Pkg() != pkg || !shared(pkg, object) {
			continue
		}
		from, to := fileOf(id.Pos()), fileOf(object.Pos())
		if uses[from] == nil {
			uses[from] = map[string]bool{}
		}
		uses[from][to] = true
	}
	s.circle = largestCircle(uses)
	for _, name := range pkg.Scope().Names() {
		declared, isType := pkg.Scope().Lookup(name).(*types.TypeName)
		if !isType {
			continue
		}
		if named, ok := declared.Type().(*types.Named); ok {
			s.methods[name] = named.NumMethods()
		}
	}
	return s, nil
}

// shared reports whether other files of the package can use an object: an object of the package
// scope, or a method.
func shared(pkg *types.Package, object types.Object) bool {
	if f, ok := object.(*types.Func); ok && f.Signature().Recv() != nil {
		return true
	}
	return object.Parent() == pkg.Scope()
}

// largestCircle returns the largest set of files in which each file uses every other, directly or
// through others.
func largestCircle(uses map[string]map[string]bool) (largest []string) {
	reach := map[string]map[string]bool{}
	for from := range uses {
		seen := map[string]bool{}
		for todo := []string{from}; len(todo) > 0; {
			next := todo[0]
			todo = todo[1:]
			for to := range uses[next] {
				if !seen[to] {
					seen[to] = true
					todo = append(todo, to)
				}
			}
		}
		reach[from] = seen
	}
	for from := range reach {
		var circle []string
		for to := range reach[from] {
			if reach[to][from] {
				circle = append(circle, to)
			}
		}
		if len(circle) > len(largest) {
			largest = circle
		}
	}
	slices.Sort(largest)
	return largest
}

func TestLargestCircle(t *testing.T) {
	t.Parallel()
	on := func(files ...string) map[string]bool {
		set := map[string]bool{}
		for _, f := range files {
			set[f] = true
		}
		return set
	}
	uses := map[string]map[string]bool{
		"a.go": on("b.go", "a.go"), "b.go": on("c.go"), "c.go": on("a.go", "d.go"), "d.go": on("e.go"), "e.go": on("d.go"),
	}
	if got := largestCircle(uses); !slices.Equal(got, []string{"a.go", "b.go", "c.go"}) {
		t.Errorf("%v", got)
	}
}
