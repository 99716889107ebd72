package redisack

import (
	"cmp"
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// ackFeed reads the stream of acknowledgements for one run and passes news to the run. It runs in
// its own goroutine.
type ackFeed struct {
	backend backend
	names   wire.Names
	from    string                    // the position before the write
	compare func(Observation) Verdict // must not panic
	out     chan pushedAcks
}

// pushedAcks holds acknowledgements that came through Redis, or a warning.
type pushedAcks struct {
	acks    []judgedAck
	warning string
}

// judgedAck is an acknowledgement with its verdict.
type judgedAck struct {
	obs     Observation
	verdict Verdict
}

// run reads until the context ends.
//
// It checks at the start and after each error whether entries were trimmed. Polling and the
// clients' repeated acknowledgements compensate for trimmed entries.
func (f *ackFeed) run(ctx context.Context) {
	pos := cmp.Or(f.from, noAcks)
	delays := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond), backoff.WithMaxInterval(time.Second), backoff.WithMaxElapsedTime(0))
	gaps, healthy := true, true
	for ctx.Err() == nil {
		page, err := within(ctx, func() (ackPage, error) { return f.backend.acks(ctx, f.names, pos, gaps) })
		switch {
		case err != nil && ctx.Err() == nil:
			if healthy {
				f.send(ctx, pushedAcks{warning: "acknowledgements cannot be read: " + wire.Clean(err.Error(), wire.MaxErrorText)})
			}
			gaps, healthy = true, false
			wait.For(ctx, delays.NextBackOff())
		case err == nil:
			gaps, healthy, pos = false, true, page.next
			delays.Reset()
			f.sendPage(ctx, page)
		}
	}
}

// sendPage passes the news of a page to the run.
func (f *ackFeed) sendPage(ctx context.Context, page ackPage) {
	if page.trimmed {
		f.send(ctx, pushedAcks{warning: "the stream of acknowledgements was trimmed: some may be missing"})
	}
	if news := f.judge(page.acks); len(news) > 0 {
		f.send(ctx, pushedAcks{acks: news})
	}
}

func (f *ackFeed) send(ctx context.Context, batch pushedAcks) {
	select {
	case f.out <- batch:
	case <-ctx.Done():
	}
}

// judge compares acknowledgements with the target. An acknowledgement that only means "not yet" is
// not news.
func (f *ackFeed) judge(acks []wire.Ack) (news []judgedAck) {
	for _, ack := range acks {
		obs := ackObservation(ack)
		switch verdict := f.compare(obs); verdict {
		case VerdictMatch, VerdictAhead, VerdictRejected:
			news = append(news, judgedAck{obs, verdict})
		case VerdictBehind, VerdictDifferent, VerdictUnknown:
		}
	}
	return news
}

func ackObservation(ack wire.Ack) Observation {
	if ack.State == wire.StateRejected {
		return Observation{
			Instance: ack.Instance, Boot: ack.Boot, Nothing: true,
			Attempt: &Attempt{
				Rev: ack.Rev, Version: ack.Version, WriteID: ack.WriteID, Rejected: true,
				Error: wire.Clean(ack.Error, wire.MaxErrorText),
			},
		}
	}
	return Observation{
		Instance: ack.Instance, Boot: ack.Boot, Rev: ack.Rev, Version: ack.Version, WriteID: ack.WriteID, Sum: ack.Sum,
	}
}

// guardedCompare returns a function that calls the policy's Compare with the target. If Compare
// panics, the function logs the panic and returns VerdictUnknown.
func guardedCompare(p *Policy, t Target, log *zap.Logger) func(Observation) Verdict {
	return func(obs Observation) (verdict Verdict) {
		defer func() {
			if value := recover(); value != nil {
				log.Error("comparer panicked", zap.Error(wire.PanicError(value)))
			}
		}()
		return p.Compare(t, obs)
	}
}
