package sqlitestore

import (
	"fmt"
	"path/filepath"
	"syscall"
)

// remote are the file systems on which locks and shared memory do not work between hosts, by the
// number that Linux gives them in statfs(2).
//
//nolint:gochecknoglobals // a constant table
var remote = map[int64]string{
	0x6969: "NFS", 0x517b: "SMB", 0xfe534d42: "SMB2", 0xff534d42: "CIFS", 0x01021997: "9P", 0x5346414f: "AFS",
	0x00c36400: "Ceph", 0x0bd00bd0: "Lustre", 0x47504653: "GPFS", 0x7461636f: "OCFS2", 0x01161970: "GFS2", 0x73757245: "Coda", 0x564c: "NCP",
}

// refuseRemote returns a *FileError if the file is on a network file system that can be told.
func refuseRemote(path string) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &s); err != nil {
		return &FileError{path, "its directory cannot be examined", err}
	}
	return refuseType(path, uint32(s.Type))
}

func refuseType(path string, number uint32) error {
	if name, is := remote[int64(number)]; is {
		return &FileError{File: path, Reason: fmt.Sprintf("is on a network file system (%s), where two hosts would write at the same time", name)}
	}
	return nil
}
