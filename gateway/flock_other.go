//go:build !unix

package gateway

import (
	"errors"
	"os"
)

// tryLock fails: without a lock two processes could overwrite each other's changes.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
