package sqlitestore

import (
	"errors"
	"os"
)

// present remembers which files a store writes to. On most systems they can be deleted or replaced
// while they are open: what is written then is gone with the process.
type present struct {
	paths []string
	files []os.FileInfo
}

// logSuffix makes the name of the write-ahead log. It stays as long as the file is open.
const logSuffix = "-wal"

// look remembers the files of a database that is open.
func (p *present) look(path string) error {
	for _, name := range []string{path, path + logSuffix} {
		info, err := os.Stat(name)
		if err != nil {
			return &FileError{path, "cannot be examined", err}
		}
		p.paths, p.files = append(p.paths, name), append(p.files, info)
	}
	return nil
}

// check returns a *FileError if one of the files is not there any more. What was written and synced
// before is in a file that is there. A file that cannot be examined may be there.
func (p *present) check() error {
	for i, name := range p.paths {
		info, err := os.Stat(name)
		if errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(info, p.files[i]) {
			return &FileError{File: p.paths[0], Reason: name + " was moved, deleted or replaced while it was open; what was written to it may be lost; open it again"}
		}
	}
	return nil
}
