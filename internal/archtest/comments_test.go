package archtest_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// maxComment is the maximum number of columns of a comment line, with a tab stop every four.
const maxComment = 100

// TestCommentsFit checks the width of the comments of all Go and Lua files. The expected output of
// examples, and comments for tools, may be wider.
func TestCommentsFit(t *testing.T) {
	t.Parallel()
	watchSources(t)
	for _, fault := range wideComments(t) {
		t.Error(fault)
	}
}

// wideComments returns a fault for each line of comment that is too wide.
var wideComments = once(func() (faults []string, err error) {
	err = filepath.WalkDir(moduleRoot, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mark, watched := map[string]string{".go": "// ", ".lua": "-- "}[filepath.Ext(path)]
		if d.IsDir() || !watched {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		output := false
		for i, line := range strings.Split(string(text), "\n") {
			line = expandTabs(line)
			comment := strings.HasPrefix(strings.TrimLeft(line, " "), mark)
			output = comment && (output || strings.Contains(line, "Output:"))
			if comment && !output && len([]rune(line)) > maxComment {
				faults = append(faults, fmt.Sprintf("%s:%d: %d columns of comment, at most %d", path, i+1, len([]rune(line)), maxComment))
			}
		}
		return nil
	})
	return faults, err
})

// expandTabs returns a line with spaces instead of its tabs.
func expandTabs(line string) string {
	var shown strings.Builder
	column := 0
	for _, r := range line {
		if r == '\t' {
			next := (column/4 + 1) * 4
			shown.WriteString(strings.Repeat(" ", next-column))
			column = next
			continue
		}
		shown.WriteRune(r)
		column++
	}
	return shown.String()
}
