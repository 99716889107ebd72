package cutover_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeShowsWhatRuns checks that every Go block of the README is part of a program that is
// run, in the order of the blocks.
func TestReadmeShowsWhatRuns(t *testing.T) {
	t.Parallel()
	careful := "careful_rollout_example_test.go"
	sources := []string{"example_test.go", "store/redisstore/example_test.go", careful, careful, "examples/quickstart/mover.go"}
	blocks := codeBlocks(t, "README.md", "go")
	if len(blocks) != len(sources) {
		t.Fatalf("%d Go blocks in the README, want %d", len(blocks), len(sources))
	}
	for i, source := range sources {
		if !contains(t, source, blocks[i]) {
			t.Errorf("Go block %d of the README is not in %s", i+1, source)
		}
	}
}

// TestPageForQueuesShowsWhatRuns checks that the function that jobs call is the one of the example.
func TestPageForQueuesShowsWhatRuns(t *testing.T) {
	t.Parallel()
	blocks := codeBlocks(t, "docs/from-temporal-river-asynq.md", "go")
	if len(blocks) != 4 || !contains(t, "from_a_job_example_test.go", blocks[0]) {
		t.Errorf("%d Go blocks, the first is not in the example", len(blocks))
	}
}

// TestOperationsShowsWhatRuns checks that the transcripts of docs/operations.md are parts of two
// scenarios that are run, in their order.
func TestOperationsShowsWhatRuns(t *testing.T) {
	t.Parallel()
	const scenarios = "tests/engine/testdata/scenarios/"
	blocks, rest := codeBlocks(t, "docs/operations.md", "text"), read(t, scenarios+"why.txt")+read(t, scenarios+"where.txt")
	if len(blocks) != 5 {
		t.Fatalf("%d transcripts, want 5", len(blocks))
	}
	for i, block := range blocks {
		_, after, found := strings.Cut(rest, block)
		if !found {
			t.Errorf("transcript %d is not in the scenario, or not after the one before it:\n%s", i+1, block)
		}
		rest = after
	}
}

// TestDocumentsLinkToFiles checks that every relative link in the documents leads to a file.
func TestDocumentsLinkToFiles(t *testing.T) {
	t.Parallel()
	docs, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, doc := range append(docs, "README.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		for _, m := range link.FindAllStringSubmatch(read(t, doc), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", doc, m[1], err)
			}
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// codeBlocks returns the fenced blocks of a language.
func codeBlocks(t *testing.T, file, language string) []string {
	t.Helper()
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(read(t, file), -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// contains reports whether a file has the block, with any indentation.
func contains(t *testing.T, file, block string) bool {
	t.Helper()
	return strings.Contains(flat(read(t, file)), flat(block))
}

func flat(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
