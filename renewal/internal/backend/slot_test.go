package backend

import "testing"

func TestHashSlot(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]uint16{
		"123456789":                  0x31C3 % Slots, // the published check value of the CRC
		"{user1000}.following":       HashSlot("user1000"),
		"{user1000}.followers":       HashSlot("user1000"),
		"foo{}{bar}":                 hashSlotOf("foo{}{bar}"),
		"foo{{bar}}zap":              HashSlot("{bar"),
		"foo{bar}{zap}":              HashSlot("bar"),
		"no closing {brace":          hashSlotOf("no closing {brace"),
		"closing } comes { first }x": HashSlot(" first "),
	} {
		if got := HashSlot(key); got != want {
			t.Errorf("%s: slot %d, want %d", key, got, want)
		}
	}
}

// hashSlotOf returns the slot of a key without a hash tag, as CLUSTER KEYSLOT answered it.
func hashSlotOf(key string) uint16 {
	return map[string]uint16{"foo{}{bar}": 8363, "no closing {brace": 5599}[key]
}
