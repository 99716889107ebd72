package sqlitestore

import (
	"os"
	"testing"
)

// TestMain runs the program of a child, if this process is one, or the tests.
func TestMain(m *testing.M) {
	if path := os.Getenv("SQLITESTORE_CHILD"); path != "" {
		os.Exit(child(path))
	}
	os.Exit(m.Run())
}
