package archtest_test

import (
	"fmt"
	"slices"
	"strings"
)

// pkg is what the check needs of one package of the module.
type pkg struct {
	name    string   // below the module, "." for the root
	imports []string // full paths
	deps    []string // full paths of everything it links
}

// check names every import that the tables do not allow.
func check(packages []pkg) []string {
	var faults []string
	for _, p := range packages {
		faults = append(faults, checkArrows(p)...)
		faults = append(faults, checkPurity(p)...)
		faults = append(faults, checkLibraries(p)...)
	}
	return faults
}

// checkArrows compares what a package imports of the module with its arrow.
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

// checkPurity looks for what a pure package must do without.
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

// checkLibraries compares what a package uses from outside with the list.
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

// local returns a package's name below the module, and whether it is part of it.
func local(path string) (name string, own bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// standard reports whether a path is one of the standard library: those have no
// dot in their first element.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// matches reports whether a name fits a pattern: itself, or with "/..." at its end
// the whole tree. "..." fits all.
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
