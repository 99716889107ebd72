package redisack

import (
	"cmp"
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// ackFeed reads the stream of acknowledgements for one run, and hands on what is news. It runs in a
// goroutine of its own.
type ackFeed struct {
	backend backend
	names   wire.Names
	from    string                    // the position before the write
	compare func(Observation) Verdict // does not panic
	out     chan pushedAcks
}

// pushedAcks is what came through Redis: acknowledgements, or trouble.
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
// What was trimmed is looked for at the beginning and after each fault. Polling, and the clients'
// repetitions, make up for it.
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
				f.send(ctx, pushedAcks{warning: "acknowledgements cannot be read: " + wire.Clean(err.Error(), maxErrorText)})
			}
			gaps, healthy = true, false
			sleep(ctx, delays.NextBackOff())
		case err == nil:
			gaps, healthy, pos = false, true, page.next
			delays.Reset()
			f.sendPage(ctx, page)
		}
	}
}

// sendPage hands on what is news.
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

// judge compares acknowledgements with the target. One that says no more than "not yet" is no news.
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
				Error: wire.Clean(ack.Error, maxErrorText),
			},
		}
	}
	return Observation{
		Instance: ack.Instance, Boot: ack.Boot, Rev: ack.Rev, Version: ack.Version, WriteID: ack.WriteID, Sum: ack.Sum,
	}
}

// guardedCompare is the policy's Compare for one target. It may be the host's code: a panic of it
// is logged, and says nothing of the client.
func guardedCompare(p *Policy, t Target, log *zap.Logger) func(Observation) Verdict {
	return func(obs Observation) (verdict Verdict) {
		defer func() {
			if value := recover(); value != nil {
				log.Error("comparer panicked", zap.Error(panicError(value)))
			}
		}()
		return p.Compare(t, obs)
	}
}
