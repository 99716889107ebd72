package sqlitestore

import (
	"errors"
	"os"
	"path/filepath"
)

// openFiles are the files that a store writes to, as they were when it was opened. On most systems
// they can be deleted or replaced while they are open: what is written then is gone with the
// process.
type openFiles struct {
	paths []string
	files []os.FileInfo
}

// logSuffix makes the name of the write-ahead log. It stays as long as the file is open.
const logSuffix = "-wal"

// look remembers the files of a database that is open.
func (o *openFiles) look(path string) error {
	for _, name := range []string{path, path + logSuffix} {
		info, err := os.Stat(name)
		if err != nil {
			return &FileError{path, "cannot be examined", err}
		}
		o.paths, o.files = append(o.paths, name), append(o.files, info)
	}
	return nil
}

// check returns a *FileError if one of the files is not there any more. What was written and synced
// before is in a file that is there. A file that cannot be examined may be there.
func (o *openFiles) check() error {
	for i, name := range o.paths {
		info, err := os.Stat(name)
		if errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(info, o.files[i]) {
			return &FileError{File: o.paths[0], Reason: filepath.Base(name) + " was moved, deleted or replaced while it was open; what was written to it may be lost; open it again"}
		}
	}
	return nil
}
