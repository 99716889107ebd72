package renewal

import (
	"testing"
	"unsafe"
)

// TestTaskStaysSmall keeps a task of one key in the allocator's classes of 112 and 32
// bytes: of a million tasks a field more costs 16 MB.
func TestTaskStaysSmall(t *testing.T) {
	t.Parallel()
	if n := unsafe.Sizeof(Handle{}); n > 112 {
		t.Errorf("a Handle takes %d bytes, want at most 112", n)
	}
	if n := unsafe.Sizeof(key{}); n > 32 {
		t.Errorf("a key takes %d bytes, want at most 32", n)
	}
}
