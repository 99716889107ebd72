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

// tally is what was run and what failed, by package.
type tally struct {
	path    string
	Entries map[string]*entry
}

// entry is the tally of a package.
type entry struct {
	// Binary is the checksum of the test binary that was run.
	Binary string
	// Runs are how often the tests were run, by mode.
	Runs map[string]int
	// Failed are how often tests failed, by name.
	Failed map[string]int
	// FailedPieces is in how many processes something failed.
	FailedPieces int
}

// readTally reads a tally; a file that is not there is an empty one.
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

// write keeps the tally. It is never half written.
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

// entry returns what there is about a test binary; about another one of the same
// package it is forgotten.
func (t *tally) entry(path, sum string) *entry {
	e := t.Entries[path]
	if e == nil || e.Binary != sum {
		e = &entry{Binary: sum, Runs: make(map[string]int), Failed: make(map[string]int)}
		t.Entries[path] = e
	}
	return e
}

// runs returns how often the tests were run in all modes.
func (e *entry) runs() (n int) {
	for _, times := range e.Runs {
		n += times
	}
	return n
}

// add counts a piece. Of one that died it is only sure that one run was begun.
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

// failures returns how often tests of these packages failed.
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

// report shows the tally of these packages: runs by mode, then what failed, the most
// frequent first.
func (t *tally) report(packages []pkg) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "cpu1\tcpu2\tcpu8\tredis\tfailed\t package")
	for _, p := range packages {
		e := t.Entries[p.Path]
		if e == nil {
			continue
		}
		failed := 0
		for _, times := range e.Failed {
			failed += times
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t %s\n", e.Runs["cpu1"], e.Runs["cpu2"], e.Runs["cpu8"], e.Runs["redis"], failed, p.Path)
		names := slices.SortedFunc(maps.Keys(e.Failed), func(a, b string) int {
			return cmp.Or(cmp.Compare(e.Failed[b], e.Failed[a]), cmp.Compare(a, b))
		})
		for _, name := range names {
			fmt.Fprintf(w, "\t\t\t\t%d\t   %s\n", e.Failed[name], name)
		}
	}
	_ = w.Flush() // a builder takes everything
	return text.String()
}
