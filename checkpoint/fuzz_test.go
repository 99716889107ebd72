package checkpoint_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cutover-go/cutover/checkpoint"
)

// Bytes that parse are canonical: Append writes the same bytes back. For other bytes the error
// matches ErrCorrupt or ErrVersion.
func FuzzParse(f *testing.F) {
	for _, c := range goldenCheckpoints() {
		f.Add(c.Append(nil))
	}
	f.Add([]byte("2:1:A{}"))
	f.Add([]byte("1:999999999:A{}"))
	f.Fuzz(func(t *testing.T, stored []byte) {
		c, err := checkpoint.Parse(stored)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if again := c.Append(nil); !bytes.Equal(again, stored) {
			t.Errorf("%q was written back as %q", stored, again)
		}
	})
}

func FuzzParseUndo(f *testing.F) {
	for _, l := range goldenUndoLogs() {
		f.Add(l.Append(nil))
	}
	f.Add([]byte(nil))
	f.Add([]byte("1:1:A4:null1:A4:null"))
	f.Fuzz(func(t *testing.T, stored []byte) {
		l, err := checkpoint.ParseUndo(stored)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		again := l.Append(nil)
		if len(stored) > 0 && !bytes.Equal(again, stored) {
			t.Errorf("%q was written back as %q", stored, again)
		}
		if len(l) > checkpoint.MaxUndoEntries {
			t.Errorf("%d entries", len(l))
		}
	})
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, checkpoint.ErrCorrupt) && !errors.Is(err, checkpoint.ErrVersion) {
		t.Errorf("error %v matches no sentinel", err)
	}
}
