package redistable_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/internal/redistest"
)

// documentedRule returns the ACL rule of docs/gateways.md.
func documentedRule(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rule, ok := strings.CutPrefix(line, "ACL SETUSER routes "); ok {
			return strings.Fields(rule)
		}
	}
	t.Fatal("the documentation has no rule")
	return nil
}

// as returns a client of a user with a rule.
func as(t *testing.T, server *redistest.Server, rule []string) *redis.Client {
	t.Helper()
	args := []any{"ACL", "SETUSER", "routes", "reset"}
	for _, word := range rule {
		args = append(args, word)
	}
	if err := server.Client().Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	o := server.Options()
	o.Username, o.Password = "routes", "PASSWORD"
	rdb := redis.NewClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// useAll makes every kind of call while Redis knows no script, and returns the first error.
func useAll(t *testing.T, rdb redis.UniversalClient, server *redistest.Server) error {
	t.Helper()
	admin, table := newTable(t, server.Client()), newTable(t, rdb)
	rows, rev, err := admin.Load(t.Context())
	err = errors.Join(err, server.Client().Del(t.Context(), "{"+name+"}:lock:lb-1").Err(), server.Client().ScriptFlush(t.Context()).Err())
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = table.Load(t.Context())
	steps := []func() error{
		func() error { return err },
		func() error {
			unlock, err := table.LockInstance(t.Context(), "lb-1")
			if err == nil {
				_, err = rdb.Get(t.Context(), "{"+name+"}:lock:lb-1").Result()
				unlock()
			}
			return err
		},
		func() error {
			if n := server.Client().Exists(t.Context(), "{"+name+"}:lock:lb-1").Val(); n != 0 {
				return &notUnlocked{}
			}
			return nil
		},
		func() error {
			_, err := table.Update(t.Context(), gateway.Rows{"acme": {Colour: "blue", Rev: rev + 1}}, rev)
			return err
		},
		func() error { _, err := table.Save(t.Context(), rows, rev+1); return err },
		func() error { _, err := table.Save(t.Context(), gateway.Rows{}, rev+2); return err },
		func() error { _, err := table.Save(t.Context(), rows, rev+3); return err },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// notUnlocked: a lock that stays behind says nothing, so this does.
type notUnlocked struct{}

func (*notUnlocked) Error() string { return "the lock is still there: 'get' or 'del' or 'evalsha'" }

// TestUserWithFewRights checks that the documented rule suffices, that no word of it is too many,
// and that without a command the table stays whole.
func TestUserWithFewRights(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	admin, rows := newTable(t, server.Client()), gateway.Rows{}
	update(t, admin, rows, 1, many(300)...)
	rule := documentedRule(t)
	if err := useAll(t, as(t, server, rule), server); err != nil {
		t.Fatal(err)
	}
	for _, word := range rule {
		command, ok := strings.CutPrefix(word, "+")
		if !ok {
			continue
		}
		without := slices.DeleteFunc(slices.Clone(rule), func(w string) bool { return w == word })
		err := useAll(t, as(t, server, without), server)
		if err == nil || !strings.Contains(err.Error(), "'"+command+"'") {
			t.Errorf("without %s: %v", command, err)
		}
		rows, rev, err := newTable(t, server.Client()).Load(t.Context())
		if err != nil {
			t.Fatalf("without %s the table was damaged: %v", command, err)
		}
		if len(rows) == 0 { // the last save but one was the last
			all := gateway.Rows{}
			for _, tenant := range many(300) {
				all[tenant] = gateway.Row{Colour: "blue", Rev: 1, Token: 7}
			}
			if _, err := newTable(t, server.Client()).Save(t.Context(), all, rev); err != nil {
				t.Fatal(err)
			}
		}
	}
}
