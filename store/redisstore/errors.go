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
	// ErrNotReplicated says that too few replicas had a commit in time. It is wrapped
	// in a store.TemporaryError.
	ErrNotReplicated = errors.New("redisstore: not on enough replicas")
)

// InvalidError names everything that is wrong with what [Open] was given. It matches
// [ErrInvalid].
type InvalidError struct {
	Faults []string
}

func (e *InvalidError) Error() string {
	return ErrInvalid.Error() + ": " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// ServerError says that a server cannot be used as it is set up, and that trying
// again does not help: a wrong password, a certificate that is not trusted, a user who
// lacks a permission, a server that is too old or drops keys, a kind of client that keeps
// no promise. It matches [ErrServer]. A right or password that was there when the store was
// opened, and is not any more, is a passing fault besides (store.Temporary). TLS on one side
// only looks like a fault that passes; its text says so.
type ServerError struct {
	// Addr is where the client was told to connect to.
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

// VersionError says that the data was written by a newer library, or by one so old that
// its data is not read any more. It matches [ErrVersion].
type VersionError struct {
	// Found is the version of the data, Known the newest that this library knows.
	Found, Known int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("redisstore: the data has version %d, this library knows %d", e.Found, e.Known)
}

// Is reports whether target is [ErrVersion].
func (e *VersionError) Is(target error) bool { return target == ErrVersion }
