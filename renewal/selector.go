package renewal

import (
	"context"
	"strings"
)

// SelectFunc returns the keys to renew at this tick.
type SelectFunc func(context.Context) ([]string, error)

// Selector finds the keys of a task at every tick. A key that it no longer finds is no longer
// renewed, but does not count as lost. If the selector fails, the keys that it found last are
// renewed, the tick is reported as failed, and the task goes on.
type Selector struct {
	fn    SelectFunc
	match string
	set   bool
}

// Select returns a selector whose keys fn returns.
func Select(fn SelectFunc) Selector { return Selector{fn: fn, set: true} }

// Pattern returns a selector of the keys that match a glob pattern of SCAN, on every node of a
// cluster. Scanning reads the whole key space at every tick, so Pattern is meant for few tasks and
// long intervals. Scans take turns, page by page, on Config.ScanGoroutines goroutines.
func Pattern(glob string) Selector { return Selector{match: glob, set: true} }

// Prefix returns a selector of the keys whose names begin with prefix. Glob characters in prefix
// have no special meaning.
func Prefix(prefix string) Selector {
	if prefix == "" {
		return Selector{set: true} // Register refuses it: it would select everything
	}
	return Selector{match: escapeGlob(prefix) + "*", set: true}
}

// escapeGlob escapes the glob characters of SCAN.
func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}
