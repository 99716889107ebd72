package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// tally records, by package, how often tests were run and failed.
type tally struct {
	path    string
	Entries map[string]*entry
}

// entry is the tally of a package.
type entry struct {
	// Binary is the checksum of the test binary that ran last, and Builds is how many different
	// ones ran.
	Binary string
	Builds int
	// Runs is how often the tests were run, by mode.
	Runs map[string]int
	// Failed is how often each test failed, by name.
	Failed map[string]int
	// FailedPieces is the number of processes in which a test failed.
	FailedPieces int
}

// readTally reads a tally from a file. If the file does not exist, the tally is empty.
func readTally(path string) (*tally, error) {
	t := &tally{path: path, Entries: make(map[string]*entry)}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &t.Entries)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// write stores the tally in its file. The file is never half written.
func (t *tally) write() error {
	text, err := json.MarshalIndent(t.Entries, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(t.path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(t.path+".new", t.path)
}

// entry returns the entry of a package whose test binary has the checksum sum. Runs of other
// binaries stay counted, because most changes of a program leave most of its tests as they are,
// unless a test failed in them: what mended it has to prove itself from zero.
func (t *tally) entry(path, sum string) *entry {
	e := t.Entries[path]
	if e == nil || e.Binary != sum && len(e.Failed) > 0 {
		e = &entry{Runs: make(map[string]int), Failed: make(map[string]int)}
		t.Entries[path] = e
	}
	if e.Binary != sum {
		e.Binary = sum
		e.Builds++
	}
	return e
}

// runs returns how often the tests were run, in all modes together.
func (e *entry) runs() (n int) {
	for _, times := range e.Runs {
		n += times
	}
	return n
}

// add counts a piece. A piece that died counts as one run, because only its first run is sure to
// have begun.
func (e *entry) add(mode string, runs int, r result) {
	if r.died {
		runs = 1
	}
	e.Runs[mode] += runs
	for _, name := range r.failed {
		e.Failed[name]++
	}
	if len(r.failed) > 0 {
		e.FailedPieces++
	}
}

// failures returns how often tests of the packages failed.
func (t *tally) failures(packages []pkg) (n int) {
	for _, p := range packages {
		if e := t.Entries[p.Path]; e != nil {
			for _, times := range e.Failed {
				n += times
			}
		}
	}
	return n
}

// report returns a table of the packages: the runs of each by mode, then its failed tests, the most
// frequent first.
func (t *tally) report(packages []pkg) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "cpu1\tcpu2\tcpu8\tredis\tbuilds\tfailed\t package")
	for _, p := range packages {
		e := t.Entries[p.Path]
		if e == nil {
			continue
		}
		failed := 0
		for _, times := range e.Failed {
			failed += times
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t %s\n", e.Runs["cpu1"], e.Runs["cpu2"], e.Runs["cpu8"], e.Runs["redis"], e.Builds, failed, p.Path)
		names := slices.SortedFunc(maps.Keys(e.Failed), func(a, b string) int {
			return cmp.Or(cmp.Compare(e.Failed[b], e.Failed[a]), cmp.Compare(a, b))
		})
		for _, name := range names {
			fmt.Fprintf(w, "\t\t\t\t\t%d\t   %s\n", e.Failed[name], name)
		}
	}
	_ = w.Flush() // writing to a strings.Builder cannot fail
	return text.String()
}
