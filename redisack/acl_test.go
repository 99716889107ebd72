package redisack_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/agent"
)

// ruleOf returns the ACL rule of docs/redisack.md for the user and the key k.
func ruleOf(t *testing.T, user string) []string {
	t.Helper()
	text, err := os.ReadFile("../docs/redisack.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rule, ok := strings.CutPrefix(line, "ACL SETUSER "+user+" "); ok {
			return strings.Fields(strings.ReplaceAll(strings.ReplaceAll(rule, "{K}", "{k}"), "~K", "~k"))
		}
	}
	t.Fatalf("the documentation has no rule for %s", user)
	return nil
}

// as returns a client of a user with the given rule.
func as(t *testing.T, server *redistest.Server, name string, rule []string) *redis.Client {
	t.Helper()
	args := []any{"ACL", "SETUSER", name, "reset"}
	for _, word := range rule {
		args = append(args, word)
	}
	if err := server.Client().Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	opt := server.Options()
	opt.Username, opt.Password = name, "PASSWORD"
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func without(rule []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(rule), func(w string) bool { return w == word })
}

// commands returns the commands that a rule permits.
func commands(rule []string) (words []string) {
	for _, word := range rule {
		if strings.HasPrefix(word, "+") {
			words = append(words, word)
		}
	}
	return words
}

// TestUsersWithFewRights checks that the documented rules suffice, that the error names a missing
// command, and that nothing is written without that command unless it is PUBLISH, which comes last.
func TestUsersWithFewRights(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	writer, client := ruleOf(t, "writer"), ruleOf(t, "client")
	refuse := make(chan struct{})
	runAgent(t, as(t, server, "client", client), zap.NewNop(), func(u agent.Update) error {
		select {
		case <-refuse:
			if u.Version == "v3" {
				return errors.New("no")
			}
		default:
		}
		return nil
	})
	check := redisack.Check{
		Fleet: redisack.Static(redisack.Endpoint{ID: "a"}), Push: true,
		Policy: redisack.Policy{Timeout: 15 * time.Second, Rollback: redisack.RollbackOnFailure},
	}
	full := connect(t, as(t, server, "writer", writer), redisack.Config{})
	for version, size := range map[string]int{"v1": 10, "v2": 1 << 20} {
		res, err := full.Apply(t.Context(), redisack.Change{Key: "k", Version: version, Payload: make([]byte, size)}, check)
		if err != nil || len(res.Warnings) > 0 || res.Target.NotifyError != "" {
			t.Fatalf("%s: %v\n%+v", version, err, res)
		}
	}
	close(refuse)
	res, err := full.Apply(t.Context(), redisack.Change{Key: "k", Version: "v3", Payload: []byte("three")}, check)
	if !errors.Is(err, redisack.ErrRejected) || res.Rollback == nil || !res.Rollback.OK {
		t.Fatalf("%v, rollback %+v", err, res.Rollback)
	}
	for _, word := range commands(writer) {
		t.Run(word, func(t *testing.T) { refused(t, server, check, word, without(writer, word)) })
	}
}

// refused applies a change as a user who lacks a command, and checks that the error names the
// command and that nothing was written.
func refused(t *testing.T, server *redistest.Server, check redisack.Check, word string, rule []string) {
	t.Helper()
	rdb := server.Client()
	before := rdb.HGetAll(t.Context(), "{k}:head").Val()
	payload := rdb.Get(t.Context(), "k").Val()
	if err := rdb.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if word == "+publish" {
		check.Policy.RequireNotify, check.Policy.Rollback = true, redisack.RollbackNever
	}
	c := connect(t, as(t, server, "few", rule), redisack.Config{WriteTimeout: 2 * time.Second})
	res, err := c.Apply(t.Context(), redisack.Change{Key: "k", Version: "without " + word, Payload: []byte(word)}, check)
	if err == nil || !strings.Contains(strings.ToLower(err.Error()), word[1:]) {
		t.Fatalf("%v does not name the command\n%+v", err, res)
	}
	if word == "+publish" {
		if !errors.Is(err, redisack.ErrNotifyFailed) {
			t.Errorf("%v", err)
		}
		return
	}
	if !errors.Is(err, redisack.ErrWriteFailed) {
		t.Errorf("%v", err)
	}
	after := rdb.HGetAll(t.Context(), "{k}:head").Val()
	if now := rdb.Get(t.Context(), "k").Val(); now != payload || before["rev"] != after["rev"] || before["wid"] != after["wid"] {
		t.Errorf("the write has changed the head: %v, then %v", before, after)
	}
}

// TestAgentsWithFewRights checks that an agent whose user lacks a command logs which command.
func TestAgentsWithFewRights(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	if _, err := connect(t, server.Client(), redisack.Config{}).Write(t.Context(), redisack.Change{Key: "k", Version: "v1"}); err != nil {
		t.Fatal(err)
	}
	rule := ruleOf(t, "client")
	for i, word := range commands(without(rule, "+eval")) { // needed only for a full server and a moving slot
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			core, logs := observer.New(zapcore.WarnLevel)
			user := "client" + string(rune('a'+i))
			runAgent(t, as(t, server, user, without(rule, word)), zap.New(core), func(agent.Update) error { return nil })
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
				for _, entry := range logs.All() {
					if text, _ := entry.ContextMap()["error"].(string); strings.Contains(strings.ToLower(text), word[1:]) {
						return
					}
				}
				if time.Now().After(deadline) {
					t.Fatalf("no log entry names the command: %+v", logs.All())
				}
			}
		})
	}
}

// runAgent runs an agent for k until the test ends.
func runAgent(t *testing.T, rdb *redis.Client, log *zap.Logger, apply func(agent.Update) error) {
	t.Helper()
	a, err := agent.New(rdb, "k", func(_ context.Context, u agent.Update) error { return apply(u) },
		agent.Config{Instance: "a", Push: true, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// connect returns a client over rdb.
func connect(t testing.TB, rdb redis.UniversalClient, cfg redisack.Config) *redisack.Client {
	t.Helper()
	c, err := redisack.New(rdb, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestListsOfRightsAgree compares the two lists of commands in write.lua: the quick one, of which
// the result is yes or no, and the one that finds the names of those that are missing.
func TestListsOfRightsAgree(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("scripts/write.lua")
	if err != nil {
		t.Fatal(err)
	}
	_, quick, _ := strings.Cut(string(text), "local function permitted()")
	quick, named, _ := strings.Cut(quick, "\nend\n")
	_, named, _ = strings.Cut(named, "local needs = {")
	named, _, _ = strings.Cut(named, "\n  }\n")
	spaces := strings.NewReplacer(" ", "", "\n", "")
	var one, other []string
	for _, found := range regexp.MustCompile(`may\(([^)]*)\)`).FindAllStringSubmatch(quick, -1) {
		one = append(one, spaces.Replace(found[1]))
	}
	for _, found := range regexp.MustCompile(`\{([^}]*)\}`).FindAllStringSubmatch(named, -1) {
		other = append(other, spaces.Replace(found[1]))
	}
	if len(one) < 10 || !slices.Equal(one, other) {
		t.Errorf("quick: %q\nby name: %q", one, other)
	}
}
