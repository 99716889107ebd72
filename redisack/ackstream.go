package redisack

import (
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

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

type ackPage struct {
	acks []wire.Ack
	next string
}

// readAcks reads the stream from the position before the write until the run ends. It is a goroutine of the run.
func (r *run) readAcks() {
	defer func() { r.acksEnded <- struct{}{} }() // has room
	pos := r.target.AckPos
	if pos == "" {
		pos = "0-0"
	}
	r.warnTrimmed(pos)
	delays := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond), backoff.WithMaxInterval(time.Second), backoff.WithMaxElapsedTime(0))
	healthy := true
	for r.ctx.Err() == nil {
		page, err := await(r.ctx, func() (ackPage, error) {
			acks, next, err := r.client.backend.acks(r.ctx, r.names, pos)
			return ackPage{acks, next}, err
		})
		switch {
		case err != nil && r.ctx.Err() == nil:
			if healthy {
				r.push(pushedAcks{warning: "acknowledgements cannot be read: " + wire.Clean(err.Error(), maxErrorText)})
			}
			healthy = false
			sleep(r.ctx, delays.NextBackOff())
		case err == nil:
			if !healthy {
				r.warnTrimmed(pos)
			}
			healthy, pos = true, page.next
			delays.Reset()
			if news := r.judge(page.acks); len(news) > 0 {
				r.push(pushedAcks{acks: news})
			}
		}
	}
}

// warnTrimmed tells when acknowledgements may have been dropped before they were read. Polling, and the clients'
// repetitions, make up for it.
func (r *run) warnTrimmed(pos string) {
	gap, err := await(r.ctx, func() (bool, error) { return r.client.backend.trimmed(r.ctx, r.names, pos) })
	if err == nil && gap {
		r.push(pushedAcks{warning: "the stream of acknowledgements was trimmed: some may be missing"})
	}
}

func (r *run) push(batch pushedAcks) {
	select {
	case r.pushed <- batch:
	case <-r.ctx.Done():
	}
}

// takeAcks counts acknowledgements of members.
func (r *run) takeAcks(batch pushedAcks) {
	if batch.warning != "" {
		r.warn(batch.warning)
	}
	for _, ack := range batch.acks {
		m := r.claims[ack.obs.Instance]
		switch {
		case m == nil:
			r.strangers++
			r.changed = true
		case !m.standing.settled():
			r.observe(m, ack.obs, ack.verdict, true)
		case m.overruledBy(ack):
			r.census.move(m, standsPending) // another process has taken the place of the one that spoke before
			m.row.ConfirmedAfter = 0
			r.observe(m, ack.obs, ack.verdict, true)
		}
	}
}

// overruledBy reports whether the word of a settled member counts no more: a restarted process accepts what the one before
// refused, or refuses what that had confirmed. Of one process the first word is final.
func (m *member) overruledBy(ack judgedAck) bool {
	boot := ack.obs.Boot
	switch m.standing {
	case standsRejected:
		return ack.verdict != VerdictRejected && boot != "" && boot != m.refusedBy
	case standsConfirmed:
		return ack.verdict == VerdictRejected && (boot == "" || boot != m.boot)
	default:
		return false
	}
}

// judge compares acknowledgements with the target, apart from the run: the comparer is the caller's code. One that says
// no more than "not yet" is no news.
func (r *run) judge(acks []wire.Ack) (news []judgedAck) {
	for _, ack := range acks {
		obs := ackObservation(ack)
		switch verdict := r.compare(obs); verdict {
		case VerdictMatch, VerdictAhead, VerdictRejected:
			news = append(news, judgedAck{obs, verdict})
		case VerdictBehind, VerdictDifferent, VerdictUnknown:
		}
	}
	return news
}

func (r *run) compare(obs Observation) (verdict Verdict) {
	defer func() {
		if value := recover(); value != nil {
			r.log.Error("comparer panicked", zap.Error(panicError(value)))
		}
	}()
	return r.policy.Compare(r.target, obs)
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

// startHelpers starts what runs beside the attempts.
func (r *run) startHelpers() {
	if r.check.Push {
		r.helpers++
		go r.readAcks()
	}
	if _, fixed := r.check.Fleet.(static); !fixed {
		r.nextRefresh = r.now() + r.policy.RefreshEvery
	}
}
