package redisack

import (
	"errors"

	"github.com/cutover-go/cutover/redisack/probe"
)

// Sentinels for errors.Is, grouped by the phase in which they occur.
var (
	// ErrInvalid: the input is wrong; see InvalidError.
	ErrInvalid = errors.New("redisack: invalid input")
	// ErrNoEndpoints: the fleet cannot be looked up, or is empty and Policy.AllowEmpty is not set.
	ErrNoEndpoints = errors.New("redisack: the fleet has no endpoints")

	// ErrConflict: the current revision does not satisfy Change.IfRev.
	ErrConflict = errors.New("redisack: another revision is current")
	// ErrFenced: a writer with a greater fencing token has written.
	ErrFenced = errors.New("redisack: refused because a greater fencing token was used before")
	// ErrVersionReused: the version is current with other content.
	ErrVersionReused = errors.New("redisack: the version is current with other content")
	// ErrWrongType: a key has the wrong Redis type. Nothing has been written.
	ErrWrongType = errors.New("redisack: a key has the wrong type")
	// ErrNotPermitted: the Redis user may not run a command that the write, its confirmation or its
	// rollback needs. Nothing has been written.
	ErrNotPermitted = errors.New("redisack: the Redis user has too few permissions")
	// ErrEviction: the server has a memory limit and may drop configurations. Nothing has been
	// written.
	ErrEviction = errors.New("redisack: redis may evict configurations")
	// ErrWriteFailed: Redis did not execute the write. Nothing has changed.
	ErrWriteFailed = errors.New("redisack: the write failed")
	// ErrWriteUnknown: the write may have taken effect or not; repeat it with the same WriteID.
	ErrWriteUnknown = errors.New("redisack: the outcome of the write is unknown")
	// ErrWriteLost: the write took effect and was undone later, for instance by a failover.
	ErrWriteLost = errors.New("redisack: the write was lost")
	// ErrNotifyFailed: the write took effect, but Redis refused to announce it.
	ErrNotifyFailed = errors.New("redisack: the announcement was refused")

	// ErrTimeout: the time ran out.
	ErrTimeout = errors.New("redisack: not confirmed in time")
	// ErrMismatch: a client runs another version.
	ErrMismatch = errors.New("redisack: a client runs another version")
	// ErrEndpoint: an endpoint gave no usable answer.
	ErrEndpoint = probe.ErrEndpoint
	// ErrRejected: a client refused the configuration.
	ErrRejected = errors.New("redisack: a client rejected the configuration")
	// ErrQuorumImpossible: the fleet has too few members for the quorum.
	ErrQuorumImpossible = errors.New("redisack: too few members for the quorum")
	// ErrSuperseded: a newer write has taken the place of this one.
	ErrSuperseded = errors.New("redisack: superseded by a newer write")
	// ErrCanceled: the caller's context ended the run. The error wraps context.Cause as well.
	ErrCanceled = errors.New("redisack: canceled")
)
