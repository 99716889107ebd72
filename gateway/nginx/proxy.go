package nginx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/internal/control"
)

// reloadTime is how long nginx may take to answer by a new map. If it has not done so by then the
// reload is repeated.
const reloadTime = 3 * time.Second

// proxy keeps the map file of one nginx equal to the table. Its methods are not called
// concurrently.
type proxy struct {
	instance Instance
	push     func(context.Context, Instance, []byte) error
	interval time.Duration // minimum between two reloads

	pushed   []byte    // the content that was last pushed with success, nil if none was
	reloaded time.Time // the last try to push

	failed atomic.Pointer[error] // of the last push, nil if it succeeded
}

// Ask implements [control.Insight]: only answers tell what nginx serves.
func (p *proxy) Ask(context.Context, string) (row gateway.Row, known bool, err error) {
	return row, false, nil
}

// Answered implements [control.Insight].
func (p *proxy) Answered(gateway.Row) {}

// Behind implements [control.Insight]: a file that is in place without a reload looks like nginx
// that is slow.
func (p *proxy) Behind(gateway.Row) error {
	if failed := p.failed.Load(); failed != nil {
		return *failed
	}
	return nil
}

// sync implements [control.SyncFunc]. The file is pushed if it differs from the table, or if nginx
// still answers by another one some time after it was pushed.
func (p *proxy) sync(ctx context.Context, load control.Load, how control.Mode) (uint64, error) {
	rows, rev, err := load(ctx)
	if err != nil {
		return 0, err
	}
	equal, err := p.has(rows, rev)
	if err != nil {
		return 0, err
	}
	since := time.Since(p.lastPush())
	if equal && (!how.Differs || since < reloadTime) {
		return rev, nil
	}
	if err := control.Pause(ctx, p.interval-since); err != nil {
		return 0, err
	}
	if rows, rev, err = load(ctx); err != nil { // what was changed during the pause is served as well
		return 0, err
	}
	content := formatMap(rows, rev)
	p.reloaded, p.pushed = time.Now(), nil
	if err := p.push(ctx, p.instance, content); err != nil {
		p.failed.Store(&err)
		return 0, err
	}
	p.pushed = content
	p.failed.Store(nil)
	return rev, nil
}

// has reports whether the instance has the rows. A file of somebody else's is an error, and so is
// one of a later revision than the table's.
func (p *proxy) has(rows gateway.Rows, rev uint64) (bool, error) {
	content := p.pushed
	if p.instance.MapFile != "" {
		var err error
		content, err = os.ReadFile(p.instance.MapFile)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // the push reports a file that is missing
			return false, err
		}
	}
	if err := checkMap(content, rows, rev, p.instance.MapFile); err != nil {
		return false, err
	}
	return content != nil && bytes.Equal(content, formatMap(rows, rev)), nil
}

// lastPush returns when the instance was last given a file, by this process or by another one.
func (p *proxy) lastPush() time.Time {
	last := p.reloaded
	if info, err := os.Stat(p.instance.MapFile); err == nil && info.ModTime().After(last) && !info.ModTime().After(time.Now()) {
		last = info.ModTime()
	}
	return last
}

// mapPrefix begins the first line of a map file; the revision follows.
const mapPrefix = "# cutover map 1 revision "

// formatMap returns a map file. Keys and values are quoted, because nginx gives some words a
// meaning.
func formatMap(rows gateway.Rows, rev uint64) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s%d\n", mapPrefix, rev)
	for _, tenant := range slices.Sorted(maps.Keys(rows)) {
		text.WriteString(`"` + tenant + `" "` + rows[tenant].String() + "\";\n")
	}
	return text.Bytes()
}

// checkMap returns an error if a file has content that the gateway would not have written.
func checkMap(content []byte, rows gateway.Rows, rev uint64, path string) error {
	if len(bytes.TrimSpace(content)) == 0 {
		return nil
	}
	head, rest, _ := strings.Cut(string(content), "\n")
	var found uint64
	if n, err := fmt.Sscanf(head, mapPrefix+"%d", &found); n != 1 || err != nil {
		return &gateway.SetupError{Expected: "an empty map file or one of the gateway's at " + path, Found: fmt.Sprintf("the first line %.80q", head)}
	}
	if found > rev {
		return fmt.Errorf("%w: the map file %s has revision %d, and the table is at %d", gateway.ErrDamaged, path, found, rev)
	}
	for line := range strings.SplitSeq(rest, "\n") {
		if line == "" {
			continue
		}
		tenant, live, ok := parseEntry(line)
		if !ok {
			return &gateway.SetupError{Expected: "only entries of the gateway in " + path, Found: fmt.Sprintf("the line %.80q", line)}
		}
		if live.Rev > rows[tenant].Rev {
			return fmt.Errorf("%w: the map file %s has revision %d of %s, the table %d", gateway.ErrDamaged, path, live.Rev, tenant, rows[tenant].Rev)
		}
	}
	return nil
}

// parseEntry reads a line of a map file.
func parseEntry(line string) (tenant string, row gateway.Row, ok bool) {
	inner, begins := strings.CutPrefix(line, `"`)
	inner, ends := strings.CutSuffix(inner, `";`)
	tenant, text, _ := strings.Cut(inner, `" "`)
	row, err := gateway.ParseRow(text)
	return tenant, row, begins && ends && err == nil && gateway.CheckTenant(tenant) == nil
}
