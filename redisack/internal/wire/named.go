package wire

// Named returns the value up to last whose String returns text, and zero if there is none. It is
// the inverse of MarshalText of an enumeration.
func Named[T interface {
	~uint8
	String() string
}](text []byte, last T) T {
	for value := T(0); value <= last; value++ {
		if value.String() == string(text) {
			return value
		}
	}
	return 0
}
