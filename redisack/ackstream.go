package redisack

import (
	"cmp"
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

// ackPage is a part of the stream of acknowledgements.
type ackPage struct {
	acks    []wire.Ack
	next    string // the position behind it
	trimmed bool   // entries before it may be gone
}

// readAcks reads the stream from the position before the write until the run ends. It is a goroutine of the run.
//
// What was trimmed is looked for at the beginning and after each fault. Polling, and the clients' repetitions, make up
// for it.
func (r *run) readAcks() {
	defer func() { r.acksEnded <- struct{}{} }() // has room
	pos := cmp.Or(r.target.AckPos, noAcks)
	delays := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond), backoff.WithMaxInterval(time.Second), backoff.WithMaxElapsedTime(0))
	gaps, healthy := true, true
	for r.ctx.Err() == nil {
		page, err := await(r.ctx, func() (ackPage, error) {
			return r.client.backend.acks(r.ctx, r.names, pos, gaps)
		})
		switch {
		case err != nil && r.ctx.Err() == nil:
			if healthy {
				r.push(pushedAcks{warning: "acknowledgements cannot be read: " + wire.Clean(err.Error(), maxErrorText)})
			}
			gaps, healthy = true, false
			sleep(r.ctx, delays.NextBackOff())
		case err == nil:
			gaps, healthy, pos = false, true, page.next
			delays.Reset()
			r.pushPage(page)
		}
	}
}

// pushPage hands on what is new.
func (r *run) pushPage(page ackPage) {
	if page.trimmed {
		r.push(pushedAcks{warning: "the stream of acknowledgements was trimmed: some may be missing"})
	}
	if news := r.judge(page.acks); len(news) > 0 {
		r.push(pushedAcks{acks: news})
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
	if m.standing == standsRejected {
		return ack.verdict != VerdictRejected && boot != "" && boot != m.refusedBy
	}
	return m.standing == standsConfirmed && ack.verdict == VerdictRejected && (boot == "" || boot != m.boot)
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
