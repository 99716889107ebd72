package planrecord

import "testing"

func TestHoldFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		plan, ordinal, phase int64
		sound                bool
	}{
		{1, 1, 0, true},
		{9007199253, 999_999, 1<<32 - 1, true},
		{0, 1, 0, false},
		{-1, 1, 0, false},
		{9007199254, 1, 0, false},
		{1, 0, 0, false},
		{1, -1, 0, false},
		{1, 1_000_000, 0, false},
		{1, 1, -1, false},
		{1, 1, 1 << 32, false},
	} {
		if fault := HoldFault(c.plan, c.ordinal, c.phase); (fault == "") != c.sound {
			t.Errorf("plan %d, ordinal %d, phase %d: %q", c.plan, c.ordinal, c.phase, fault)
		}
	}
}
