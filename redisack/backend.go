package redisack

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// backend is the access to Redis. Tests that simulate time replace it with one in memory.
type backend interface {
	// write runs the write script once. It calls req.sending.begin before the command can take
	// effect. A redis.Error means that Redis has refused the command.
	write(ctx context.Context, req writeRequest) (writeReply, error)
	// head reads the head record; ok is false when there is none.
	head(ctx context.Context, names wire.Names) (head wire.Head, ok bool, err error)
	// previous reads the payload that the last write replaced; ok is false if it no longer exists.
	previous(ctx context.Context, names wire.Names) (prev previous, ok bool, err error)
	// acks returns the acknowledgements after a position. It waits until there is one. With gaps it
	// does not wait, and reports whether some after the position may have been trimmed.
	acks(ctx context.Context, names wire.Names, after string, gaps bool) (ackPage, error)
}

// previous is the payload that a write replaced, and its remaining TTL; zero for none.
type previous struct {
	payload []byte
	ttl     time.Duration
}

// writeRequest is a complete Change and the values derived from it.
type writeRequest struct {
	Change
	names   wire.Names
	sum     func() string
	sharded bool
	purpose purpose
	sending *sending
}

// purpose says what the run may do besides the write. The script checks that the Redis user has the
// permissions for all of it, so that no run begins that cannot be finished.
type purpose struct {
	confirm  bool // reads the head
	push     bool // reads acknowledgements
	rollBack bool // reads the previous payload
	restore  bool // is itself a rollback, which also works on a full server
}

// letters encodes the purpose as the letters of ARGV[15] of scripts/write.lua.
func (p purpose) letters() string {
	var text strings.Builder
	for _, flag := range []struct {
		set    bool
		letter byte
	}{{p.confirm, 'c'}, {p.push, 'p'}, {p.rollBack, 'r'}, {p.restore, 'f'}} {
		if flag.set {
			text.WriteByte(flag.letter)
		}
	}
	return text.String()
}

// writeReply is the reply of the write script.
type writeReply struct {
	outcome   string
	rev       uint64
	at        time.Time
	ackPos    string
	receivers int64
	note      string
	found     Found
}

// sending records whether one attempt at a write may have left this process. The attempt calls
// begin when it writes the command to the connection. A caller that stops waiting calls abandon,
// after which the command is no longer sent.
type sending struct{ state atomic.Int32 }

const (
	sendingBegun     = 1
	sendingAbandoned = 2
)

// begin marks the command as sent. It reports false if the caller has abandoned it.
func (s *sending) begin() bool {
	return s.state.CompareAndSwap(0, sendingBegun) || s.state.Load() == sendingBegun
}

// abandon prevents the command from being sent. It reports whether the command may have been sent
// already.
func (s *sending) abandon() bool {
	return !s.state.CompareAndSwap(0, sendingAbandoned) && s.state.Load() == sendingBegun
}

// ackPage is a page of the stream of acknowledgements.
type ackPage struct {
	acks    []wire.Ack
	next    string // the position after this page
	trimmed bool   // entries before this page may have been trimmed
}

// noAcks is the position before the first entry of a stream.
const noAcks = "0-0"
