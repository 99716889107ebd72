//go:build !unix

package disk

import (
	"errors"
	"os"
)

// TryLock fails: without a lock two processes could overwrite each other's changes.
func TryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
