package task_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/task"
)

func TestClip(t *testing.T) {
	t.Parallel()
	fill := func(n int) string { return strings.Repeat("x", n) }
	tests := map[string]struct{ given, want string }{
		"empty":                        {"", ""},
		"short":                        {"connection refused", "connection refused"},
		"at the bound":                 {fill(2048), fill(2048)},
		"one over":                     {fill(2049), fill(2048)},
		"far over":                     {fill(1 << 20), fill(2048)},
		"rune that just fits":          {fill(2045) + "切y", fill(2045) + "切"},
		"rune one byte over":           {fill(2046) + "切", fill(2046)},
		"rune two bytes over":          {fill(2047) + "切", fill(2047)},
		"rune of four bytes that fits": {fill(2044) + "🙂y", fill(2044) + "🙂"},
		"rune of four bytes over":      {fill(2045) + "🙂", fill(2045)},
		"invalid in the middle":        {"a\xffb", "a\uFFFDb"},
		"invalid at the end":           {"a\xe5\x88", "a\uFFFD"},
		"continuation bytes only":      {strings.Repeat("\x80", 3000), "\uFFFD"},
		"invalid grows when replaced":  {strings.Repeat("\xffx", 1024), strings.Repeat("\uFFFDx", 512)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (task.FailureInfo{Reason: tt.given}).Clip().Reason; got != tt.want {
				t.Errorf("Clip(%.40q) = %d bytes %.40q, want %d bytes", tt.given, len(got), got, len(tt.want))
			}
		})
	}
}

func TestClipKeepsTheRest(t *testing.T) {
	t.Parallel()
	full := task.FailureInfo{
		Reason:    "gateway did not answer",
		ErrorCode: "GATEWAY_TIMEOUT",
		Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Step:      "SWITCH_TO_BLUE",
		Attempt:   3,
		Retryable: true,
	}
	if got := full.Clip(); got != full {
		t.Errorf("Clip changed %+v to %+v", full, got)
	}
	long := strings.Repeat("C", 1000)
	got := task.FailureInfo{ErrorCode: long, Step: long}.Clip()
	if len(got.ErrorCode) != task.MaxCode || len(got.Step) != checkpoint.MaxStepName {
		t.Errorf("code of %d bytes, step of %d", len(got.ErrorCode), len(got.Step))
	}
}

func FuzzClip(f *testing.F) {
	f.Add("connection refused", "GATEWAY_TIMEOUT", "SWITCHED")
	f.Add(strings.Repeat("切", 1000), strings.Repeat("\xff", 65), strings.Repeat("\xff\x00", 64))
	f.Fuzz(func(t *testing.T, reason, code, step string) {
		got := task.FailureInfo{Reason: reason, ErrorCode: code, Step: step}.Clip()
		checkClipped(t, reason, got.Reason, task.MaxReason)
		checkClipped(t, code, got.ErrorCode, task.MaxCode)
		checkClipped(t, step, got.Step, checkpoint.MaxStepName)
		if again := got.Clip(); again != got {
			t.Errorf("a second Clip makes %+v of %+v", again, got)
		}
	})
}

func checkClipped(t *testing.T, given, got string, limit int) {
	t.Helper()
	if len(got) > limit || !utf8.ValidString(got) {
		t.Errorf("%q became %d bytes %q", given, len(got), got)
	}
	valid := strings.ToValidUTF8(given, "\uFFFD")
	if !strings.HasPrefix(valid, got) {
		t.Errorf("%q is no beginning of %q", got, valid)
	}
	if got != valid && len(got) <= limit-utf8.UTFMax {
		t.Errorf("%q was cut to %d bytes, there was room for %d", given, len(got), limit)
	}
}

// A failure names another plan only as SkipHeld writes it, and can be told without.
func TestHolderOfAFailure(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	skipped := func(holder task.ID) *task.FailureInfo {
		e, err := task.Task{ID: task.NewID(7, 1), Tenant: task.Tenant{ID: "a"}}.SkipHeld(holder, now)
		if err != nil {
			t.Fatal(err)
		}
		return e.Failure
	}
	holder := task.NewID(8, 9)
	f := skipped(holder)
	discreet := f.WithoutHolder()
	if f.Holder() != holder || !strings.Contains(f.Reason, "plan 8 worked") || discreet.Holder() != 0 || strings.ContainsAny(discreet.Reason, "0123456789") {
		t.Errorf("%+v names %s, without %+v", f, f.Holder(), discreet)
	}
	if unknown := skipped(0); unknown.Reason != discreet.Reason || unknown.Holder() != 0 || unknown.WithoutHolder() != unknown {
		t.Errorf("%+v names %s", unknown, unknown.Holder())
	}
	other := *f
	for name, none := range map[string]*task.FailureInfo{
		"none": nil, "other code": {ErrorCode: "X", Reason: f.Reason}, "other text": {ErrorCode: task.CodeTenantHeld, Reason: f.Reason + "!"},
		"no task": {ErrorCode: task.CodeTenantHeld, Reason: "it is held (task x)"},
	} {
		if none.Holder() != 0 || none.WithoutHolder() != none {
			t.Errorf("%s names %s", name, none.Holder())
		}
	}
	if *f != other {
		t.Errorf("changed to %+v", f)
	}
}
