package renewal

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
)

// documentedRule returns the ACL rule in docs/renewal.md.
func documentedRule(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../docs/renewal.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rule, ok := strings.CutPrefix(line, "ACL SETUSER renewer "); ok {
			return strings.Fields(rule)
		}
	}
	t.Fatal("the documentation has no rule")
	return nil
}

// asUser returns a client of a user with the given rule.
func asUser(t *testing.T, server *redistest.Server, name string, rule []string) *redis.Client {
	t.Helper()
	args := []any{"ACL", "SETUSER", name, "reset"}
	for _, word := range rule {
		args = append(args, word)
	}
	if err := server.Client().Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	opt := server.Options()
	opt.Username, opt.Password, opt.MaxRetries = name, "PASSWORD", -1
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// TestUserWithTheDocumentedRights checks that the documented rule suffices for locks, tasks with
// and without an owner, and selectors.
func TestUserWithTheDocumentedRights(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := onRedis(t, asUser(t, server, "renewer", documentedRule(t)), Config{})
	ctx := t.Context()
	for _, key := range []string{"lock:a", "lock:{b}c"} {
		l, err := s.AcquireWith(ctx, key, &Policy{TTL: FixedTTL(time.Second), KeepLonger: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Acquire(ctx, key, time.Second); !errors.Is(err, ErrHeld) {
			t.Errorf("second holder: %v", err)
		}
		if err := l.Handle().RenewNow(ctx); err != nil {
			t.Error(err)
		}
		if err := l.Release(ctx); err != nil {
			t.Error(err)
		}
	}
	for _, owner := range []string{"", "me"} {
		for _, ttl := range []time.Duration{time.Minute, 2 * time.Hour, 0} {
			set(t, server.Client(), "lock:k", "me", ttl)
			h := register(t, s, Task{Keys: []string{"lock:k"}, Owner: owner, Policy: &Policy{TTL: FixedTTL(time.Hour), KeepLonger: true}})
			if err := h.RenewNow(ctx); err != nil {
				t.Error(err)
			}
			if left := pttl(t, server.Client(), "lock:k"); ttl == time.Minute && left < 59*time.Minute {
				t.Errorf("%v left", left)
			}
			_ = h.Cancel()
		}
	}
	h := register(t, s, Task{Policy: &Policy{TTL: FixedTTL(time.Hour), Select: Prefix("lock:k")}})
	if err := h.RenewNow(ctx); err != nil || h.Status().Keys != 1 {
		t.Errorf("a selector: %v, %d keys", err, h.Status().Keys)
	}
}

// TestUserWithFewRights removes one command after another from the rule. Each operation that needs
// the missing command must be refused with an error that names the command. Locks and keys with an
// owner must then be unchanged.
func TestUserWithFewRights(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rule := documentedRule(t)
	tried := 0
	for _, word := range rule {
		name, ok := strings.CutPrefix(word, "+")
		if !ok || name == "info" { // see TestServerThatCannotBeChecked
			continue
		}
		tried++
		t.Run(name, func(t *testing.T) {
			without := slices.DeleteFunc(slices.Clone(rule), func(w string) bool { return w == word })
			if err := server.Client().ScriptFlush(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			s := onRedis(t, asUser(t, server, "few", without), Config{})
			checkLockWithout(t, s, server.Client(), name)
			checkTasksWithout(t, s, server.Client(), name)
		})
	}
	if tried < 10 {
		t.Errorf("%d commands in the rule", tried)
	}
}

func names(err error, command string) bool {
	var refused *PermissionError
	return errors.Is(err, ErrNotPermitted) && errors.As(err, &refused) && slices.Contains(refused.Commands, strings.ToUpper(command))
}

func checkLockWithout(t *testing.T, s *Service, rdb *redis.Client, command string) {
	t.Helper()
	ctx := t.Context()
	l, err := s.Acquire(ctx, "lock:"+command, time.Minute)
	if command == "scan" {
		if err != nil {
			t.Fatalf("a lock needs no SCAN: %v", err)
		}
		if err := l.Release(ctx); err != nil {
			t.Error(err)
		}
		return
	}
	if !names(err, command) {
		t.Errorf("Acquire: %v", err)
	}
	if n := rdb.Exists(ctx, "lock:"+command, "{lock:"+command+"}:fence").Val(); n != 0 {
		t.Error("Acquire left something behind")
	}
}

func checkTasksWithout(t *testing.T, s *Service, rdb *redis.Client, command string) {
	t.Helper()
	policy := &Policy{TTL: FixedTTL(time.Hour), KeepLonger: true, Loss: DropKey}
	found := *policy
	found.Select = Prefix("lock:here")
	for kind, tc := range map[string]struct {
		task  Task
		needs []string
	}{
		"plain":    {Task{Keys: []string{"lock:here", "lock:longer"}, Policy: policy}, []string{"pexpire", "pttl"}},
		"owned":    {Task{Keys: []string{"lock:here", "lock:not"}, Owner: "me", Policy: policy}, []string{"eval", "evalsha", "mget", "exists", "pexpire", "pttl"}},
		"selector": {Task{Policy: &found}, []string{"scan", "pexpire"}},
	} {
		if err := rdb.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		set(t, rdb, "lock:here", "me", time.Minute)
		set(t, rdb, "lock:longer", "me", 2*time.Hour)
		h := register(t, s, tc.task)
		err := h.RenewNow(t.Context())
		renewed := pttl(t, rdb, "lock:here") > 50*time.Minute
		if err := h.Cancel(); err != nil {
			t.Error(err)
		}
		if !slices.Contains(tc.needs, command) {
			if !renewed || errors.Is(err, ErrNotPermitted) {
				t.Errorf("%s: %v, renewed: %v", kind, err, renewed)
			}
			continue
		}
		if !names(err, command) {
			t.Errorf("%s: %v", kind, err)
		}
		if renewed && (kind == "owned" || command == "pexpire") {
			t.Errorf("%s: renewed, and refused", kind)
		}
	}
}

// TestKeyThatTheUserMayNotUse checks that a forbidden key at any position in a script call does not
// prevent the renewal of the other keys, and that the error names the forbidden key.
func TestKeyThatTheUserMayNotUse(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := onRedis(t, asUser(t, server, "renewer", documentedRule(t)), Config{})
	policy := &Policy{TTL: FixedTTL(time.Hour), Loss: DropKey}
	for at := range 3 {
		keys := []string{"lock:1", "lock:2", "lock:3"}
		keys[at] = "other; key"
		for _, key := range keys {
			set(t, server.Client(), key, "me", time.Minute)
		}
		h := register(t, s, Task{Keys: keys, Owner: "me", Policy: policy})
		var refused *PermissionError
		if err := h.RenewNow(t.Context()); !errors.As(err, &refused) || !slices.Equal(refused.Keys, keys[at:at+1]) || len(refused.Commands) > 0 {
			t.Errorf("%v: %v", keys, err)
		}
		for i, key := range keys {
			if renewed := pttl(t, server.Client(), key) > 50*time.Minute; renewed != (i != at) {
				t.Errorf("%v: %s is renewed: %v", keys, key, renewed)
			}
		}
		if err := h.CancelAndWait(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestLockThatTheUserMayNotUse checks that the error names the lock and no command.
func TestLockThatTheUserMayNotUse(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := onRedis(t, asUser(t, server, "renewer", documentedRule(t)), Config{})
	var refused *PermissionError
	_, err := s.Acquire(t.Context(), "other", time.Minute)
	if !errors.Is(err, ErrNotPermitted) || !errors.As(err, &refused) ||
		!slices.Contains(refused.Keys, "other") || len(refused.Commands) > 0 {
		t.Errorf("%v: %+v", err, refused)
	}
}
