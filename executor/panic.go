package executor

import "fmt"

// PanicError is the error of an executor that panicked or ended its goroutine with runtime.Goexit.
type PanicError struct {
	// Value is what the executor panicked with; nil for runtime.Goexit.
	Value any
	// Stack is the stack trace of the panic.
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
