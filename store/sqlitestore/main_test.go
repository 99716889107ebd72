package sqlitestore

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the program of a child, if this process is one, or the tests.
func TestMain(m *testing.M) {
	path := os.Getenv("SQLITESTORE_CHILD")
	n, err := strconv.Atoi(os.Getenv("SQLITESTORE_TASKS"))
	switch {
	case path == "":
		goleak.VerifyTestMain(m)
	case err != nil:
		os.Exit(child(path))
	default:
		if err := large(path, n); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}
