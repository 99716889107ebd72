package sqlitestore

import (
	"strings"
	"testing"
)

// TestRemote: network file systems are refused by the number that the kernel gives them.
func TestRemote(t *testing.T) {
	t.Parallel()
	for number, want := range map[uint32]string{0x6969: "NFS", 0xff534d42: "CIFS", 0xfe534d42: "SMB2", 0x01021997: "9P"} {
		if err := refuseType("/mnt/plans.db", number); err == nil || !strings.Contains(err.Error(), "("+want+")") {
			t.Errorf("%#x: error %v, want %s", number, err, want)
		}
	}
	for _, local := range []uint32{0xef53, 0x58465342, 0x01021994, 0x794c7630} { // ext4, xfs, tmpfs, overlayfs
		if err := refuseType("/plans.db", local); err != nil {
			t.Errorf("%#x: %v", local, err)
		}
	}
}
