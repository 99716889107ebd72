// Package nilcheck finds interface values that would panic at the first call: nil
// itself, and a nil pointer or function in an interface, which `== nil` does not see.
//
// It imports nothing of the module.
package nilcheck

import "reflect"

// IsNil reports whether v is nil or holds a nil pointer or a nil function. Nil maps,
// slices and channels are no such value: they can have methods that work.
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
