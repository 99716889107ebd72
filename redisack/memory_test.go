package redisack

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// memory is a backend without Redis, for tests that simulate time and as the reference for the
// script. It is deliberately simple: one configuration, one lock, no expiry.
type memory struct {
	mu     sync.Mutex
	exists bool
	data   string
	head   wire.Head
	prev   *string
	stream []wire.Ack
	sent   []wire.Notice

	refuse func(op string) error // returns the error of an operation; nil for none
	denied string                // the error of refused announcements
	gap    bool                  // the stream was trimmed
}

func (b *memory) enter(ctx context.Context, op string) error {
	b.mu.Lock()
	refuse := b.refuse
	b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if refuse != nil {
		return refuse(op)
	}
	return nil
}

func (b *memory) write(ctx context.Context, req writeRequest) (writeReply, error) {
	if err := b.enter(ctx, "write"); err != nil {
		return writeReply{}, err
	}
	if !req.sending.begin() {
		return writeReply{}, errAbandoned
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	reply := b.apply(req)
	if b.refuse != nil {
		if err := b.refuse("reply"); err != nil {
			return writeReply{}, err
		}
	}
	return reply, nil
}

// apply does in Go what scripts/write.lua does.
func (b *memory) apply(req writeRequest) writeReply {
	h := b.head
	say := func(outcome string, rev uint64) writeReply {
		return writeReply{
			outcome: outcome, rev: rev, at: b.head.At, ackPos: b.head.AckPos,
			found: Found{Rev: b.head.Rev, Version: b.head.Version, WriteID: b.head.WriteID, Sum: b.head.Sum},
		}
	}
	for _, w := range h.Recent {
		if w.ID == req.WriteID {
			if h.WriteID == w.ID {
				return say("replayed", w.Rev)
			}
			return say("superseded", w.Rev)
		}
	}
	fence := canonical(req.Fence)
	if h.Fence != "" && (fence == "" || len(fence) < len(h.Fence) || (len(fence) == len(h.Fence) && fence < h.Fence)) {
		return say("fenced", 0)
	}
	switch expected := req.IfRev.String(); expected {
	case "any":
	case "absent":
		if h.Rev > 0 || b.exists {
			return say("conflict", 0)
		}
	default:
		if expected != strconv.FormatUint(h.Rev, 10) || h.Rev == 0 {
			return say("conflict", 0)
		}
	}
	if h.Rev > 0 && h.Version == req.Version {
		if h.Sum != req.sum() {
			return say("reused", 0)
		}
		if b.exists && b.data == string(req.Payload) && !req.Rewrite {
			if fence != "" {
				b.head.Fence = fence
			}
			return say("unchanged", h.Rev)
		}
	}
	b.store(req, fence)
	reply := say("written", b.head.Rev)
	reply.note = b.denied
	if b.denied == "" {
		b.sent = append(b.sent, wire.Notice{
			Key: req.Key, Version: req.Version, WriteID: req.WriteID, Rev: wire.Rev(b.head.Rev),
		})
		reply.receivers = 1
	}
	return reply
}

func (b *memory) store(req writeRequest, fence string) {
	h := b.head
	b.prev = nil
	var before wire.Previous
	if b.exists {
		old := b.data
		b.prev = &old
		before = wire.Previous{Version: h.Version, Sum: h.Sum}
	}
	rev := h.Rev + 1
	recent := append(slices.Clone(h.Recent), wire.Write{ID: req.WriteID, Rev: rev})
	b.exists, b.data = true, string(req.Payload)
	b.head = wire.Head{
		Rev: rev, Version: req.Version, WriteID: req.WriteID, Sum: req.sum(), Fence: fence, At: time.Now(),
		AckPos: fmt.Sprintf("%d-0", len(b.stream)), Recent: recent[max(0, len(recent)-16):], Prev: before,
	}
}

func (b *memory) snapshot() (wire.Head, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.head, b.data
}

func (b *memory) headOf(ctx context.Context) (wire.Head, bool, error) {
	if err := b.enter(ctx, "head"); err != nil {
		return wire.Head{}, false, err
	}
	head, _ := b.snapshot()
	return head, head.Rev > 0, nil
}

func (b *memory) previous(ctx context.Context, _ wire.Names) (previous, bool, error) {
	if err := b.enter(ctx, "previous"); err != nil {
		return previous{}, false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.prev == nil {
		return previous{}, false, nil
	}
	return previous{payload: []byte(*b.prev)}, true, nil
}

// memoryAckWait is how long a read of the stream in memory waits for new acknowledgements.
const memoryAckWait = 50 * time.Millisecond

func (b *memory) acks(ctx context.Context, _ wire.Names, after string, gaps bool) (ackPage, error) {
	if err := b.enter(ctx, "acks"); err != nil {
		return ackPage{next: after}, err
	}
	digits, _, _ := strings.Cut(after, "-")
	from, _ := strconv.Atoi(digits)
	news, gap := b.newsAfter(from)
	if len(news) == 0 && !gaps {
		wait.For(ctx, memoryAckWait)
		news, gap = b.newsAfter(from)
	}
	return ackPage{acks: news, next: fmt.Sprintf("%d-0", from+len(news)), trimmed: gap && gaps}, nil
}

func (b *memory) newsAfter(from int) (news []wire.Ack, gap bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.stream[min(from, len(b.stream)):]), b.gap
}

func (b *memory) ack(a wire.Ack) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream = append(b.stream, a)
}

// change runs f with the lock held.
func (b *memory) change(f func(*memory)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b)
}

// memoryBackend adds the methods of backend whose names are fields of memory.
type memoryBackend struct{ *memory }

func (b memoryBackend) head(ctx context.Context, _ wire.Names) (wire.Head, bool, error) {
	return b.headOf(ctx)
}
