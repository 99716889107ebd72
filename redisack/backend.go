package redisack

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// backend is what the package needs of Redis. Tests of time put one in memory in its place.
type backend interface {
	// write runs the write script once. It begins req.sending before the command can take effect. A
	// redis.Error means that Redis has refused it.
	write(ctx context.Context, req writeRequest) (writeReply, error)
	// head reads the head record; ok is false when there is none.
	head(ctx context.Context, names wire.Names) (head wire.Head, ok bool, err error)
	// previous reads what the last write replaced; ok is false when that is not there any more.
	previous(ctx context.Context, names wire.Names) (prev previous, ok bool, err error)
	// acks returns the acknowledgements after a position. It waits for the first; with gaps it
	// returns at once, and reports whether some after the position may be gone.
	acks(ctx context.Context, names wire.Names, after string, gaps bool) (ackPage, error)
}

// previous is the payload that a write replaced, and the life that it has left; zero for good.
type previous struct {
	payload []byte
	ttl     time.Duration
}

// writeRequest is a complete Change with what is derived from it.
type writeRequest struct {
	Change
	names   wire.Names
	sum     string
	sharded bool
	purpose purpose
	sending *sending
}

// purpose is what a write is made for: what its user has to be permitted beside it, so that a run
// does not begin that cannot be brought to its end.
type purpose struct {
	confirm  bool // reads the head
	push     bool // reads acknowledgements
	rollBack bool // reads the previous payload
	restore  bool // is a rollback itself, and goes through on a full server
}

// letters are those of scripts/write.lua.
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

// writeReply is the answer of the write script.
type writeReply struct {
	outcome   string
	rev       uint64
	at        time.Time
	ackPos    string
	receivers int64
	note      string
	found     Found
}

// sending records whether one attempt at a write has left this process. The attempt begins it when
// it writes the command to the connection; a caller that stops waiting abandons it, after which it
// cannot begin any more.
type sending struct{ state atomic.Int32 }

const (
	sendingBegun     = 1
	sendingAbandoned = 2
)

// begin reports whether the command may be sent.
func (s *sending) begin() bool {
	return s.state.CompareAndSwap(0, sendingBegun) || s.state.Load() == sendingBegun
}

// abandon reports whether the command may have been sent.
func (s *sending) abandon() bool {
	return !s.state.CompareAndSwap(0, sendingAbandoned) && s.state.Load() == sendingBegun
}

// ackPage is a part of the stream of acknowledgements.
type ackPage struct {
	acks    []wire.Ack
	next    string // the position behind it
	trimmed bool   // entries before it may be gone
}

// noAcks is the position before the first entry of a stream.
const noAcks = "0-0"
