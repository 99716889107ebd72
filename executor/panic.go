package executor

import "fmt"

// PanicError is a panic of an executor, or a goroutine that it ended by
// runtime.Goexit.
type PanicError struct {
	// Value is what it panicked with; nil for runtime.Goexit.
	Value any
	// Stack is where.
	Stack []byte
}

func (e *PanicError) Error() string {
	if e.Value == nil {
		return "executor: the executor ended its goroutine"
	}
	return fmt.Sprintf("executor: panic: %v", e.Value)
}

// Unwrap returns the value of the panic if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
