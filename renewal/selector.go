package renewal

import (
	"context"
	"strings"
)

// SelectFunc returns the keys to renew at this tick.
type SelectFunc func(context.Context) ([]string, error)

// Selector finds the keys of a task anew at every tick. A key that it no longer finds is no
// longer renewed; that is no loss. If finding fails, the keys found last
// are renewed, the tick is reported as failed, and the task goes on.
type Selector struct {
	fn    SelectFunc
	match string
	set   bool
}

// Select calls a function for the keys.
func Select(fn SelectFunc) Selector { return Selector{fn: fn, set: true} }

// Pattern finds keys by a glob pattern as SCAN takes it, on every node of a cluster.
// Scanning reads the whole key space at every tick: it is meant for few tasks and
// long intervals, and shares a small pool of its own, a page at a time.
func Pattern(glob string) Selector { return Selector{match: glob, set: true} }

// Prefix finds keys by the beginning of their name. Glob characters in it stand for
// themselves.
func Prefix(prefix string) Selector {
	if prefix == "" {
		return Selector{set: true} // refused at Register: it would select everything
	}
	return Selector{match: escapeGlob(prefix) + "*", set: true}
}

// escapeGlob makes SCAN read every character as itself.
func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}
