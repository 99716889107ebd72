package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
)

var update = flag.Bool("update", false, "write the transcripts in testdata anew")

// golden compares a text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what it was (-update writes it anew):\n%s", file, got)
	}
}

func rollout(fail string) options {
	return options{tenants: 500, step: 100 * time.Millisecond, bake: time.Minute, fail: parseFailures(fail)}
}

// TestTranscripts runs whole rollouts in virtual time: the one of the documentation, with a breach,
// a trial of one tenant, a resume and an approval; one that fails in its canary wave; one without a
// failure.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]string{"breach": defaultFailures, "canary": "tenant-003", "well": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				if err := run(t.Context(), rollout(fail), &lines{out: &out}); err != nil {
					t.Fatal(err)
				}
				golden(t, name, out.String())
			})
		})
	}
}

// drawings is a screen that keeps what the view shows whenever a command is asked for.
type drawings struct {
	mu   sync.Mutex
	last status
	all  strings.Builder
}

func (d *drawings) update(s status) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = s
}

func (d *drawings) say(string) {}

func (d *drawings) ask(_ context.Context, command string) error {
	time.Sleep(time.Second) // longer than a refresh takes; the plan is at rest
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all.WriteString(d.last.draw() + "$ " + command + "\n\n")
	return nil
}

// TestDrawings shows waves, counts and causes at each of the operator's commands.
func TestDrawings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d drawings
		if err := run(t.Context(), rollout(defaultFailures), &d); err != nil {
			t.Fatal(err)
		}
		golden(t, "drawings", d.all.String())
	})
}

// estimates is a screen that keeps the first estimate of the time left after each of some minutes.
type estimates struct {
	drawings
	began time.Time
	found []time.Duration
}

func (e *estimates) update(s status) {
	if left, ok := s.left(); ok && time.Since(e.began) > time.Duration(len(e.found))*time.Minute {
		e.found = append(e.found, time.Since(e.began)+left)
	}
}

// TestTimeLeft checks that the estimates of the whole time are right to some seconds, in waves and
// in bakes.
func TestTimeLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &estimates{began: time.Now()}
		if err := run(t.Context(), rollout(""), e); err != nil {
			t.Fatal(err)
		}
		took := time.Since(e.began)
		if len(e.found) < 3 {
			t.Errorf("%d estimates", len(e.found))
		}
		for i, whole := range e.found {
			if d := (whole - took).Abs(); d > 5*time.Second {
				t.Errorf("after %d minutes: %s in all, it took %s", i, whole, took)
			}
		}
	})
}

// TestLive runs the view, without a terminal: Enter gives the commands.
func TestLive(t *testing.T) {
	t.Parallel()
	keys, press := io.Pipe()
	o := rollout("tenant-022")
	o.tenants, o.step, o.bake = 100, time.Millisecond, time.Millisecond
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				_ = press.Close()
				return
			case <-time.After(20 * time.Millisecond):
				_, _ = press.Write([]byte("\r"))
			}
		}
	}()
	var out bytes.Buffer
	err := live(t.Context(), o, tea.WithInput(keys), tea.WithOutput(&out), tea.WithWindowSize(120, 50), tea.WithoutSignals())
	close(done)
	_ = keys.Close() // ends a write that nobody reads
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"canary", "tenant-022", "COMPLETED"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q was not shown in %q", want, out.String())
		}
	}
}

// TestQuit leaves the screen while the operator is asked for the first command.
func TestQuit(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := live(t.Context(), rollout(""), tea.WithInput(strings.NewReader("q")), tea.WithOutput(&out), tea.WithoutSignals())
	if !errors.Is(err, errQuit) {
		t.Errorf("live: %v", err)
	}
}

// TestKeys checks what the keys do in the view.
func TestKeys(t *testing.T) {
	t.Parallel()
	ctx, quit := context.WithCancelCause(t.Context())
	v := &view{quit: quit}
	v.Update(tea.KeyPressMsg{Code: tea.KeyEnter}) // nothing was asked
	answer := make(chan struct{})
	v.Update(question{"resume", answer})
	if !strings.Contains(v.View().Content, "Enter: resume") {
		t.Errorf("shown: %q", v.View().Content)
	}
	v.Update(tea.KeyPressMsg{Code: tea.KeyEnter})
	select {
	case <-answer:
	default:
		t.Error("Enter did not give the command")
	}
	if text := v.View().Content; strings.Contains(text, "Enter") || !strings.Contains(text, "$ resume") {
		t.Errorf("shown: %q", text)
	}
	if _, cmd := v.Update(tea.KeyPressMsg{Code: 'q', Text: "q"}); cmd == nil || !errors.Is(context.Cause(ctx), errQuit) {
		t.Error("q did not quit")
	}
}

func TestTheNullDeviceIsNoTerminal(t *testing.T) {
	t.Parallel()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	if terminal(null) {
		t.Error("it is taken for one")
	}
}

func TestFlagsThatMakeNoRollout(t *testing.T) {
	t.Parallel()
	good := rollout("tenant-500")
	good.chosen = true
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for want, o := range map[string]options{
		"-tenants: -1 is less than 10":                                   {tenants: -1},
		"-tenants: 9 is less than 10":                                    {tenants: 9},
		"-step or -bake is negative":                                     {tenants: 10, step: -1},
		`-fail: there is no "tenant-011" among tenant-001 to tenant-010`: {tenants: 10, fail: parseFailures("tenant-010 tenant-011=X"), chosen: true},
	} {
		if err := o.check(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := (options{tenants: 10, fail: parseFailures(defaultFailures)}).check(); err != nil {
		t.Errorf("the default tenants need not be there: %v", err)
	}
}
