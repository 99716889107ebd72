package archtest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// moduleRoot is the module's directory, relative to this package's.
const moduleRoot = "../.."

// goList returns what go list prints about packages, decoded from its JSON.
func goList[T any](t *testing.T, args ...string) (listed []T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = moduleRoot
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var one T
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return listed
		}
		if err != nil {
			t.Fatalf("decoding what go list says: %v", err)
		}
		listed = append(listed, one)
	}
}

// loadPackages asks the go command for the packages of the main module. The result includes
// packages that do not compile: the compiler reports those.
func loadPackages(t *testing.T) []pkg {
	t.Helper()
	type imports struct {
		ImportPath    string
		Imports, Deps []string
	}
	var packages []pkg
	for _, listed := range goList[imports](t, "-e", "-json=ImportPath,Imports,Deps", "./...") {
		name, own := local(listed.ImportPath)
		if !own {
			t.Fatalf("go list names %s, which is not of the module", listed.ImportPath)
		}
		packages = append(packages, pkg{name: name, imports: listed.Imports, deps: listed.Deps})
	}
	return packages
}

// watchSources visits every source file of the module. The go command caches the result of a test
// by the files that the test itself opens or stats, and does not know which files its child process
// go list has read.
func watchSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(moduleRoot, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != moduleRoot && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // an editor's file may vanish during the walk
		t.Fatalf("looking at the sources: %v", err)
	}
}
