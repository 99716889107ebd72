package redisstore

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels to match with errors.Is.
var (
	// ErrInvalid is matched by every *InvalidError.
	ErrInvalid = errors.New("redisstore: invalid configuration")
	// ErrServer is matched by every *ServerError.
	ErrServer = errors.New("redisstore: the server cannot be used")
	// ErrVersion is matched by every *VersionError.
	ErrVersion = errors.New("redisstore: data of another version")
	// ErrWentBack is matched by every *WentBackError.
	ErrWentBack = errors.New("redisstore: a plan went back in time")
	// ErrNotReplicated means that too few replicas had a commit in time. It is always wrapped in a
	// store.TemporaryError.
	ErrNotReplicated = errors.New("redisstore: not on enough replicas")
)

// InvalidError lists all faults of the arguments of [Open]. It matches [ErrInvalid].
type InvalidError struct {
	Faults []string
}

func (e *InvalidError) Error() string {
	return ErrInvalid.Error() + ": " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// ServerError means that a server cannot be used as it is set up, and that trying again does not
// help: a wrong password, an untrusted certificate, a user who lacks a permission, a server that is
// too old or evicts keys, an unsupported kind of client. It matches [ErrServer]. A permission or
// password that was valid when the store was opened, and no longer is, is also a passing fault
// (store.Temporary). If only one side uses TLS, the error looks like a passing fault; its message
// names that possible cause.
type ServerError struct {
	// Addr is the address that the client was configured with.
	Addr   string
	Reason string
	// Err is the cause, nil if there is none.
	Err error
}

func (e *ServerError) Error() string {
	msg := fmt.Sprintf("redisstore: %s: %s", e.Addr, e.Reason)
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

// Unwrap returns the cause.
func (e *ServerError) Unwrap() error { return e.Err }

// Is reports whether target is [ErrServer].
func (e *ServerError) Is(target error) bool { return target == ErrServer }

// VersionError means that the data was written by a newer library, or by one so old that this
// library no longer reads its data. It matches [ErrVersion].
type VersionError struct {
	// Found is the version of the data, Known the newest that this library knows.
	Found, Known int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("redisstore: the data has version %d, this library knows %d", e.Found, e.Known)
}

// Is reports whether target is [ErrVersion].
func (e *VersionError) Is(target error) bool { return target == ErrVersion }
