package archtest_test

import (
	"fmt"
	"slices"
	"strings"
)

// pkg holds the facts about a package of the module that the check needs.
type pkg struct {
	name    string   // relative to the module, "." for the root
	imports []string // full paths
	deps    []string // full paths of all packages that it links
}

// check returns a fault for each import that the tables do not allow.
func check(packages []pkg) []string {
	var faults []string
	for _, p := range packages {
		faults = append(faults, checkArrows(p)...)
		faults = append(faults, checkPurity(p)...)
		faults = append(faults, checkLibraries(p)...)
	}
	return faults
}

// checkArrows compares the packages of the module that p imports with its arrow.
func checkArrows(p pkg) []string {
	i := slices.IndexFunc(arrows, func(a arrow) bool { return matches(a.from, p.name) })
	if i < 0 {
		return []string{fmt.Sprintf("%s: has no arrow; decide what it may import and add a line", p.name)}
	}
	var faults []string
	for _, path := range p.imports {
		name, own := local(path)
		if !own || matches(arrows[i].from, name) || matchesAny(arrows[i].to, name) {
			continue
		}
		faults = append(faults, fmt.Sprintf("%s imports %s; it may import %s of the module", p.name, name, list(arrows[i].to)))
	}
	return faults
}

// checkPurity checks that a pure package imports nothing impure.
func checkPurity(p pkg) []string {
	if !slices.Contains(pure, p.name) {
		return nil
	}
	var faults []string
	for _, path := range p.imports {
		_, own := local(path)
		if !own && (!standard(path) || matchesAny(impure, path)) {
			faults = append(faults, fmt.Sprintf("%s imports %s; it is pure", p.name, path))
		}
	}
	return faults
}

// checkLibraries compares the packages outside the module that p uses with the list of libraries.
func checkLibraries(p pkg) []string {
	var faults []string
	for _, path := range p.imports {
		if _, own := local(path); own || standard(path) {
			continue
		}
		if !slices.ContainsFunc(libraries, func(l library) bool { return matches(l.path+"/...", path) }) {
			faults = append(faults, fmt.Sprintf("%s imports %s, which is not on the list of libraries", p.name, path))
		}
	}
	for _, l := range libraries {
		used, how := p.imports, "imports"
		if l.reach {
			used, how = p.deps, "links"
		}
		uses := slices.ContainsFunc(used, func(path string) bool { return matches(l.path+"/...", path) })
		if uses && !matchesAny(l.in, p.name) {
			faults = append(faults, fmt.Sprintf("%s %s %s; its place is %s", p.name, how, l.path, list(l.in)))
		}
	}
	return faults
}

// local returns the name of a package relative to the module, and whether the package is part of
// it.
func local(path string) (name string, own bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// standard reports whether a path is that of a package of the standard library, which has no dot in
// its first element.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// matches reports whether a name matches a pattern: the name itself, or with "/..." at its end the
// whole tree. "..." matches every name.
func matches(pattern, name string) bool {
	if pattern == "..." {
		return true
	}
	tree, isTree := strings.CutSuffix(pattern, "/...")
	return name == tree || isTree && strings.HasPrefix(name, tree+"/")
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, name) })
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
