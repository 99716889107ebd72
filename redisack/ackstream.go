package redisack

import (
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// pushedAcks is what came through Redis: acknowledgements, or trouble.
type pushedAcks struct {
	acks    []wire.Ack
	warning string
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
			if len(page.acks) > 0 {
				r.push(pushedAcks{acks: page.acks})
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

// takeAcks counts acknowledgements of members. One that says no more than "not yet" is no news.
func (r *run) takeAcks(batch pushedAcks) {
	if batch.warning != "" {
		r.warn(batch.warning)
	}
	for _, ack := range batch.acks {
		obs := ackObservation(ack)
		verdict, ok := r.compare(obs)
		if !ok || verdict == VerdictBehind || verdict == VerdictDifferent || verdict == VerdictUnknown {
			continue
		}
		m := r.claims[ack.Instance]
		switch {
		case m == nil:
			r.strangers++
			r.changed = true
		case !m.standing.settled():
			r.observe(m, obs, verdict, true)
		case m.standing == standsRejected && ack.Boot != "" && ack.Boot != m.refusedBy && verdict != VerdictRejected:
			r.census.move(m, standsPending) // another process has taken the place of the one that refused
			r.observe(m, obs, verdict, true)
		}
	}
}

// compare calls the caller's comparer outside an attempt.
func (r *run) compare(obs Observation) (verdict Verdict, ok bool) {
	v, err := await(r.ctx, func() (Verdict, error) { return r.policy.Compare(r.target, obs), nil })
	return v, err == nil
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
