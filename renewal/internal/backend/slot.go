package backend

import (
	"fmt"
	"strings"
)

// Slots is the number of hash slots of a Redis Cluster.
const Slots = 16384

// hashTag returns the part of a key that determines its slot in a cluster: the part between the
// first opening brace and the next closing one or, if there is none or it is empty, the whole key.
// See "Redis cluster specification", hash tags.
func hashTag(key string) string {
	_, rest, ok := strings.Cut(key, "{")
	if !ok {
		return key
	}
	tag, _, ok := strings.Cut(rest, "}")
	if !ok || tag == "" {
		return key
	}
	return tag
}

// HashSlot returns the slot of a key: the CRC16 (XMODEM: polynomial 0x1021, initial value 0) of its
// hash tag, modulo the number of slots.
func HashSlot(key string) uint16 {
	var crc uint16
	for _, c := range []byte(hashTag(key)) {
		crc ^= uint16(c) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc % Slots
}

// FenceKey returns the name of the counter of a lock, which is in the slot of the lock.
func FenceKey(key string) (string, error) {
	tag := hashTag(key)
	if tag != key {
		return key + ":fence", nil
	}
	fence := "{" + key + "}:fence"
	if hashTag(fence) != key {
		return "", fmt.Errorf("the braces in key %q leave no name for a counter in its slot", key)
	}
	return fence, nil
}
