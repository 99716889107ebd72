package renewal

import "strings"

// hashTag returns the part of a key that decides its slot in a cluster: what stands
// between the first brace and the next closing one, if that is not empty; otherwise
// the whole key. See "Redis cluster specification", hash tags.
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

// hashSlot is CRC16 (XMODEM: polynomial 0x1021, from 0) of the hash tag, modulo the
// number of slots.
func hashSlot(key string) uint16 {
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
	return crc % slots
}
