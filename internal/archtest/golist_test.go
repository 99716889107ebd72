package archtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// moduleRoot is the module's directory, relative to this package's.
const moduleRoot = "../.."

// goList returns what go list prints about packages, decoded from its JSON.
func goList[T any](args ...string) (listed []T, err error) {
	cmd := exec.CommandContext(context.Background(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = moduleRoot
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.String())
	}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var one T
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return listed, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decoding what go list says: %w", err)
		}
		listed = append(listed, one)
	}
}

// once returns a function that reads the sources when it is called first, and fails each test that
// calls it if they cannot be read. The sources do not change while the tests run, so with -count
// only the first run reads them.
func once[T any](read func() (T, error)) func(t *testing.T) T {
	read = sync.OnceValues(read)
	return func(t *testing.T) T {
		t.Helper()
		facts, err := read()
		if err != nil {
			t.Fatal(err)
		}
		return facts
	}
}

// loadPackages asks the go command for the packages of the main module. The result includes
// packages that do not compile: the compiler reports those.
var loadPackages = once(func() ([]pkg, error) {
	type imports struct {
		ImportPath    string
		Imports, Deps []string
	}
	all, err := goList[imports]("-e", "-json=ImportPath,Imports,Deps", "./...")
	if err != nil {
		return nil, err
	}
	var packages []pkg
	for _, listed := range all {
		name, own := local(listed.ImportPath)
		if !own {
			return nil, fmt.Errorf("go list names %s, which is not of the module", listed.ImportPath)
		}
		packages = append(packages, pkg{name: name, imports: listed.Imports, deps: listed.Deps})
	}
	return packages, nil
})

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
