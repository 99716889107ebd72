package redisconfig_test

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/agent"
	"github.com/cutover-go/cutover/task"
)

// outcome is a row of the table: the obstacle, and the expected result.
type outcome struct {
	timeout   time.Duration // default patient
	arrange   func(t *testing.T, l *lab)
	change    bluegreen.Change // default toBlue(5)
	code      string           // none for success
	retryable bool
	match     error
	text      string // part of the reason
	// current is the colour that Current reports afterwards.
	current string
}

func outcomes() map[string]outcome {
	const tooLong = "the route of tenant tenant1 is not confirmed: "
	return map[string]outcome{
		"confirmed": {current: "blue"},
		"confirmed by a client that takes its time": {
			arrange: func(_ *testing.T, l *lab) {
				begun := time.Now()
				l.clients[0].onBlue(func(ctx context.Context, u agent.Update) error {
					if time.Since(begun) < short/4 {
						return notYet(ctx, u)
					}
					return nil
				})
			},
			current: "blue",
		},
		"a client is behind": {
			timeout: short,
			arrange: func(_ *testing.T, l *lab) { l.clients[1].onBlue(notYet) },
			code:    bluegreen.CodeSwitchNotConfirmed, retryable: true, match: redisack.ErrTimeout,
			text: tooLong, current: "green",
		},
		"a client is silent": {
			timeout: short,
			arrange: func(_ *testing.T, l *lab) { l.clients[1].mute.Store(true) },
			code:    "GATEWAY_TIMEOUT", retryable: true, match: redisack.ErrTimeout,
			text: "put back, which is not confirmed either", current: "green",
		},
		"a client rejects": {
			arrange: func(_ *testing.T, l *lab) { l.clients[1].onBlue(rejects) },
			code:    "GATEWAY_REFUSED", match: redisack.ErrRejected,
			text: "no upstream for blue", current: "green",
		},
		"a client rejects at length": {
			arrange: func(_ *testing.T, l *lab) {
				for i, c := range l.clients {
					text := strings.Repeat("ü", 100) + strconv.Itoa(i)
					c.onBlue(func(context.Context, agent.Update) error { return errors.New(text) })
				}
			},
			code: "GATEWAY_REFUSED", match: redisack.ErrRejected, text: "Rejected", current: "green",
		},
		"the version is used for something else": {
			arrange: func(t *testing.T, l *lab) {
				t.Helper()
				l.writeVersion(t, "green", "blue@1000001/SWITCH_GATEWAY", "")
			},
			code: "GATEWAY_REFUSED", match: redisack.ErrVersionReused, current: "green",
		},
		"a newer writer, elsewhere": {
			arrange: func(t *testing.T, l *lab) { t.Helper(); l.interfere(t, "red", "6") },
			code:    task.CodeTenantMovedOn, text: `"red"`, current: "red",
		},
		"a newer writer, back again": {
			arrange: func(t *testing.T, l *lab) { t.Helper(); l.interfere(t, "green", "6") },
			code:    bluegreen.CodeSwitchNotConfirmed, retryable: true, match: redisack.ErrSuperseded, current: "green",
		},
		"fenced": {
			arrange: func(t *testing.T, l *lab) { t.Helper(); l.write(t, "green", "6") },
			code:    "GATEWAY_REFUSED", match: redisack.ErrFenced, text: "a greater token", current: "green",
		},
		"fenced where nothing would change": {
			arrange: func(t *testing.T, l *lab) { t.Helper(); l.write(t, "blue", "6") },
			code:    "GATEWAY_REFUSED", match: redisack.ErrFenced, current: "blue",
		},
		"there already": {
			arrange: func(t *testing.T, l *lab) { t.Helper(); l.write(t, "blue", "4") },
			current: "blue",
		},
		"elsewhere": {
			arrange: func(t *testing.T, l *lab) { t.Helper(); l.write(t, "red", "") },
			code:    task.CodeTenantMovedOn, text: `"red" and not to green or blue`, current: "red",
		},
		"no route": {
			change: bluegreen.Change{TenantID: "nobody", From: "green", To: "blue", Token: 5, Key: "k"},
			code:   "TENANT_NOT_FOUND", current: "green",
		},
		"a key that is no version": {
			change: bluegreen.Change{TenantID: tenantID, From: "green", To: "blue", Token: 5, Key: "a\nb"},
			code:   "GATEWAY_REFUSED", match: redisack.ErrInvalid, current: "green",
		},
	}
}

// interfere writes another colour while a client is busy with blue.
func (l *lab) interfere(t *testing.T, colour, fence string) {
	t.Helper()
	l.clients[1].onBlue(func(ctx context.Context, u agent.Update) error {
		if l.clients[1].tries.Load() == 1 {
			l.write(t, colour, fence)
		}
		return notYet(ctx, u)
	})
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, c := range outcomes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, rdb redis.UniversalClient) {
				t.Helper()
				l := newLab(t, rdb)
				l.wantRuns(t, "green")
				if c.timeout > 0 {
					l.restart(t, rdb, c.timeout)
				}
				if c.arrange != nil {
					c.arrange(t, l)
				}
				change := c.change
				if change.TenantID == "" {
					change = toBlue(5)
				}
				err := l.Switch(t.Context(), change)
				wantFailure(t, err, c.code, c.retryable)
				if c.match != nil && !errors.Is(err, c.match) {
					t.Errorf("%v does not match %v", err, c.match)
				}
				if err != nil && !strings.Contains(err.Error(), c.text) {
					t.Errorf("%q does not name %q", err, c.text)
				}
				l.clients[1].mute.Store(false)
				l.restart(t, rdb, patient)
				l.wantCurrent(t, c.current)
			})
		})
	}
}

func TestThereAndBackAndThere(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, rdb redis.UniversalClient) {
		t.Helper()
		l := newLab(t, rdb)
		// The same keys again: an attempt from scratch makes the same change again.
		for _, c := range []bluegreen.Change{toBlue(5), toGreen(6), toBlue(7), toGreen(7)} {
			if err := l.Switch(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			l.wantRuns(t, c.To)
			l.wantCurrent(t, c.To)
		}
		if n := l.rev(t); n != 5 {
			t.Errorf("%d writes", n)
		}
		version, err := rdb.HGet(t.Context(), key+":head", "version").Result()
		payload := rdb.Get(t.Context(), key).Val()
		if want := "green@1000001/UNDO_SWITCH_GATEWAY"; err != nil || version != want || payload != `{"colour":"green","version":"`+want+`"}` {
			t.Errorf("version %q, payload %s, %v", version, payload, err)
		}
	})
}

func TestARejectedSwitchCanBeMadeAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t, onMini(t))
	l.clients[0].onBlue(rejects)
	wantFailure(t, l.Switch(t.Context(), toBlue(5)), "GATEWAY_REFUSED", false)
	l.wantRuns(t, "green")
	l.clients[0].onBlue(nil)
	if err := l.Switch(t.Context(), toBlue(6)); err != nil {
		t.Fatal(err)
	}
	l.wantRuns(t, "blue")
}

// interrupted leaves a switch under token 5 written, with no process waiting for its clients.
func interrupted(t *testing.T, l *lab) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	l.clients[1].onBlue(func(ctx context.Context, u agent.Update) error {
		cancel(executor.ErrShutdown)
		return notYet(ctx, u)
	})
	err := l.Switch(ctx, toBlue(5))
	if info := executor.FailureOf(err, time.Time{}, 1, ""); !errors.Is(err, executor.ErrShutdown) || info.ErrorCode != executor.CodeExecutorFailed {
		t.Fatalf("the interruption: %v", err)
	}
	if n := l.rev(t); n != 2 {
		t.Fatalf("%d writes", n)
	}
}

func TestAnInterruptedSwitchIsFinished(t *testing.T) {
	t.Parallel()
	again := func(t *testing.T, l *lab) error { t.Helper(); return l.Switch(t.Context(), toBlue(6)) }
	look := func(t *testing.T, l *lab) error { t.Helper(); _, err := l.Current(t.Context(), tenantID); return err }
	for name, c := range map[string]struct {
		blue    agent.ApplyFunc // how the client now handles blue
		timeout time.Duration
		next    func(*testing.T, *lab) error
		code    string
		current string
		writes  int
	}{
		"switched again, same token": {
			next:    func(t *testing.T, l *lab) error { t.Helper(); return l.Switch(t.Context(), toBlue(5)) },
			current: "blue", writes: 2,
		},
		"switched again":               {next: again, current: "blue", writes: 2},
		"switched again, and rejected": {blue: rejects, next: again, code: "GATEWAY_REFUSED", current: "green", writes: 3},
		"switched again, and behind":   {blue: notYet, timeout: short, next: again, code: bluegreen.CodeSwitchNotConfirmed, current: "green", writes: 3},
		"looked at":                    {next: look, current: "blue", writes: 2},
		"looked at, and rejected":      {blue: rejects, next: look, current: "green", writes: 3},
		"looked at, and behind":        {blue: notYet, timeout: short, next: look, current: "green", writes: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, rdb redis.UniversalClient) {
				t.Helper()
				l := newLab(t, rdb)
				interrupted(t, l)
				l.clients[1].onBlue(c.blue)
				l.restart(t, rdb, cmp.Or(c.timeout, patient))
				wantFailure(t, c.next(t, l), c.code, c.code == bluegreen.CodeSwitchNotConfirmed)
				l.wantCurrent(t, c.current)
				l.wantRuns(t, c.current)
				if n := l.rev(t); n != c.writes {
					t.Errorf("%d writes, want %d", n, c.writes)
				}
			})
		})
	}
}

// A worker that lost its task while it waited must not put back the route that its successor has
// confirmed.
func TestAStaleWorkerCannotPutBack(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, rdb redis.UniversalClient) {
		t.Helper()
		l := newLab(t, rdb)
		l.clients[1].onBlue(notYet)
		l.restart(t, rdb, 4*short)
		stale := make(chan error, 1)
		old := l.Gateway
		go func() { stale <- old.Switch(t.Context(), toBlue(5)) }()
		eventually(t, "the write", func() bool { return l.clients[1].tries.Load() > 0 })

		l.restart(t, rdb, patient)
		next := make(chan error, 1)
		go func() { next <- l.Switch(t.Context(), toBlue(6)) }()
		eventually(t, "the take-over", func() bool { return rdb.HGet(t.Context(), key+":head", "fence").Val() == "6" })
		wantFailure(t, <-stale, bluegreen.CodeSwitchNotConfirmed, true)
		l.clients[1].onBlue(nil)
		if err := <-next; err != nil {
			t.Fatal(err)
		}
		l.wantRuns(t, "blue")
		if n := l.rev(t); n != 2 {
			t.Errorf("%d writes", n)
		}
	})
}
