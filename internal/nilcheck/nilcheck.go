// Package nilcheck finds interface values whose methods would panic at the first call: nil itself,
// and a nil pointer or function in an interface, which `== nil` does not find.
//
// The package imports nothing of the module.
package nilcheck

import "reflect"

// IsNil reports whether v is nil or holds a nil pointer or a nil function. It reports false for nil
// maps, slices and channels, because their methods may work.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func:
		return r.IsNil()
	default:
		return false
	}
}
