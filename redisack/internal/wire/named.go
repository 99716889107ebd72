package wire

// Named returns the value up to last whose String is text, and zero if there is none. It reads back
// what MarshalText of an enumeration has written.
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
