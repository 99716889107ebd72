//go:build !linux

package disk

import "os"

// Sync makes the content of a file durable.
func Sync(file *os.File) error { return file.Sync() }
