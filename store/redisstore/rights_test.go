package redisstore

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

// ruleOf returns the ACL rule for a user in docs/redis.md.
func ruleOf(t *testing.T, user string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rule, ok := strings.CutPrefix(strings.TrimSpace(line), "ACL SETUSER "+user+" "); ok {
			return strings.Fields(rule)
		}
	}
	t.Fatalf("the documentation has no rule for %s", user)
	return nil
}

// setUser gives a user exactly these rights.
func setUser(t *testing.T, admin *redis.Client, name string, rule []string) {
	t.Helper()
	args := []any{"ACL", "SETUSER", name, "reset"}
	for _, word := range rule {
		args = append(args, word)
	}
	if err := admin.Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
}

// as returns a client of a user with this rule.
func as(t *testing.T, server *redistest.Server, name string, rule []string) *redis.Client {
	t.Helper()
	setUser(t, server.Client(), name, rule)
	o := server.Options()
	o.Username, o.Password = name, "PASSWORD"
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func without(rule []string, words ...string) []string {
	return slices.DeleteFunc(slices.Clone(rule), func(w string) bool { return slices.Contains(words, w) })
}

// permitted returns the commands that a rule permits, in capitals and sorted.
func permitted(rule []string) (commands []string) {
	for _, word := range rule {
		if name, ok := strings.CutPrefix(word, "+"); ok {
			commands = append(commands, strings.ToUpper(name))
		}
	}
	slices.Sort(commands)
	return commands
}

// everything returns dumps of all keys of a server that start with the string begin.
func everything(t *testing.T, admin *redis.Client, begin string) map[string]string {
	t.Helper()
	dump := make(map[string]string)
	for _, key := range admin.Keys(t.Context(), begin+"*").Val() {
		dump[key] = admin.Dump(t.Context(), key).Val()
	}
	return dump
}

// optional are the rights that the store can do without.
var optional = []string{"+eval_ro", "+evalsha_ro"} //nolint:gochecknoglobals // a constant

// TestDocumentedRights: the conformance tests pass for a user with exactly the documented rights.
func TestDocumentedRights(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rule := ruleOf(t, "cutover")
	for i, word := range rule {
		switch word {
		case "&cutover:hints":
			rule[i] = "&s*:hints"
		case "~cutover:*":
			rule[i] = "~s*:*"
		}
	}
	storetest.Run(t, inPart(harness(as(t, server, "cutover", rule))))
}

// TestDocumentedRightsOnCluster: on a cluster, the documented rights and those for a cluster are
// enough, and Open names the node that refuses a command.
func TestDocumentedRightsOnCluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 0)
	rule := slices.Concat(ruleOf(t, "cutover"), ruleOf(t, "cutover-cluster"))
	for _, node := range cluster.Nodes() {
		setUser(t, node.Client(), "cutover", rule)
	}
	o := cluster.Options()
	o.Username, o.Password = "cutover", "PASSWORD"
	client := redis.NewClusterClient(o)
	t.Cleanup(func() { _ = client.Close() })
	r := start(t, openStore(t, client, Config{}), 50, 10)
	r.drive(4)
	setUser(t, cluster.Nodes()[2].Client(), "cutover", without(rule, "+hset"))
	var refused *ServerError
	if _, err := Open(t.Context(), client, Config{}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "HSET") ||
		refused.Addr != cluster.Nodes()[2].Addr() {
		t.Errorf("one node refuses HSET: error %v", err)
	}
}

// TestRightsAskedFor: Open checks exactly the documented rights, except the optional ones.
func TestRightsAskedFor(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, server.Client(), Config{})
	asked := func(s *client) (names []string) {
		for _, call := range s.needs() {
			names = append(names, call[0])
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	plain := permitted(without(ruleOf(t, "cutover"), optional...))
	if !slices.Equal(asked(s.client), plain) {
		t.Errorf("asked for %v, the documentation has %v", asked(s.client), plain)
	}
	replicated, err := loadScripts(true)
	if err != nil {
		t.Fatal(err)
	}
	more := &client{keys: s.keys, scripts: replicated, cfg: Config{Replicas: 1}}
	extra := slices.Sorted(slices.Values(slices.Concat(plain, permitted(ruleOf(t, "cutover-replicas")))))
	if !slices.Equal(asked(more), extra) {
		t.Errorf("with Replicas asked for %v, the documentation has %v", asked(more), extra)
	}
}

// TestCommandsOfScripts: scripts write all commands in a form that the package finds, so that Open
// checks the right to each of them.
func TestCommandsOfScripts(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	asked := permitted(ruleOf(t, "cutover"))
	known := make(map[string]bool)
	for _, name := range server.Client().Do(t.Context(), "COMMAND", "LIST").Val().([]any) { //nolint:forcetypeassert // it is
		known[strings.ToUpper(name.(string))] = true //nolint:forcetypeassert // so are these
	}
	word, call := regexp.MustCompile(`'([A-Z]+)'`), regexp.MustCompile(`redis\.p?call\(`)
	direct := regexp.MustCompile(`redis\.p?call\(('[A-Z]+'|unpack\()`)
	own, _ := fs.Glob(sources, "scripts/*.lua")
	shared, _ := fs.Glob(sources, "scripts/lib/*.lua")
	for _, path := range append(own, shared...) {
		text, err := sources.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range word.FindAllStringSubmatch(string(text), -1) {
			if known[m[1]] && !slices.Contains(asked, m[1]) {
				t.Errorf("%s uses %s, which is not asked for", path, m[1])
			}
		}
		if calls, read := call.FindAll(text, -1), direct.FindAll(text, -1); len(calls) != len(read) {
			t.Errorf("%s: of %d calls, the commands of %d can be read off", path, len(calls), len(read))
		}
	}
}

// TestOpenNamesMissingRights: if rights are missing, Open names each of them and writes nothing.
func TestOpenNamesMissingRights(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rule := slices.Concat(ruleOf(t, "cutover"), ruleOf(t, "cutover-replicas"))
	needed := without(rule, append(optional, "on", ">PASSWORD")...)
	try := func(missing []string, names ...string) {
		t.Helper()
		client := as(t, server, "cutover", without(rule, missing...))
		defer func() { _ = client.Close() }()
		_, err := Open(t.Context(), client, Config{Replicas: 1})
		var refused *ServerError
		if !errors.As(err, &refused) || store.Temporary(err) {
			t.Errorf("without %v: error %v, want a *ServerError", missing, err)
			return
		}
		for _, name := range names {
			if !regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(name) + `\b`).MatchString(err.Error()) {
				t.Errorf("without %v: error %v does not name %s", missing, err, name)
			}
		}
		if n := server.Client().DBSize(t.Context()).Val(); n != 0 {
			t.Errorf("without %v: %d keys were written", missing, n)
		}
	}
	for _, word := range needed {
		name := strings.TrimLeft(word, "+&~")
		if word == "~cutover:*" {
			name = "cutover:{p:0}:plan"
		}
		try([]string{word}, name)
	}
	try([]string{"+hset", "+time", "+wait", "+subscribe", "&cutover:hints"}, "HSET", "TIME", "WAIT", "SUBSCRIBE", "channels cutover:hints")
	try(append(optional, "+zadd"), "ZADD")
	try(append(optional, "+eval"), "eval")
	narrow := slices.Concat(without(rule, "~cutover:*"), []string{"~cutover:{*", "%R~cutover:*"})
	_, err := Open(t.Context(), as(t, server, "cutover", narrow), Config{})
	var denied *redisserver.Denied
	if !errors.As(err, &denied) || !slices.Equal(denied.Keys, []string{"cutover:key:", "cutover:lease:", "cutover:quota:0::", "cutover:tenant:", "cutover:version"}) ||
		len(denied.Commands) > 0 {
		t.Errorf("some keys may be read alone: %v", err)
	}
	openStore(t, as(t, server, "cutover", rule), Config{Replicas: 1})
	openStore(t, as(t, server, "cutover", without(rule, optional...)), Config{})
}

// TestOpenWhileWritesArePaused: Open succeeds while the server delays writes, as in a planned
// failover.
func TestOpenWhileWritesArePaused(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	openStore(t, server.Client(), Config{})
	if err := server.Client().Do(t.Context(), "CLIENT", "PAUSE", "60000", "WRITE").Err(); err != nil {
		t.Fatal(err)
	}
	o := server.Options()
	o.ReadTimeout, o.MaxRetries = time.Second, -1
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	openStore(t, client, Config{})
}

// TestRightsTakenAway: if a right is taken away while the store is open, a script that needs it
// fails before it has written anything, and succeeds when the right is restored.
func TestRightsTakenAway(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rule := ruleOf(t, "cutover")
	s := openStore(t, as(t, server, "cutover", rule), Config{})
	r := start(t, s, 200, 100)
	r.ok(s.Join(r.ctx, "worker", time.Minute, store.Process{}))
	for _, word := range rule {
		name, ok := strings.CutPrefix(word, "+")
		if !ok || !slices.Contains(s.client.scripts.commit.commands, strings.ToUpper(name)) {
			continue
		}
		held := r.claim("worker", 3)
		p, err := s.Plan(r.ctx, r.id)
		r.ok(err)
		b := store.Batch{Plan: r.id, Changes: []store.Change{
			{Task: held[0].ID, Token: held[0].Token, Seq: 1, Kind: store.Complete},
			{Task: held[1].ID, Token: held[1].Token, Seq: 1, Kind: store.Save, Saved: store.Saved{Step: "A", Data: []byte("{}")}},
			{Task: held[2].ID, Token: held[2].Token, Seq: 1, Kind: store.Fail},
		}, Claim: store.Claim{ID: "new-" + name, Worker: "worker", Max: 2}}
		d, err := p.Pause(plan.By{})
		r.ok(err)
		command := store.Command{ID: "pause-" + name, Version: p.Version, Failed: -1, Decision: d}
		before := everything(t, server.Client(), "cutover:{p:")

		setUser(t, server.Client(), "cutover", without(rule, word))
		refused := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, ErrServer) || !store.Temporary(err) || !strings.Contains(err.Error(), strings.ToUpper(name)) {
				t.Errorf("without %s: %s ended with %v, want a *ServerError that names it", name, what, err)
			}
		}
		refused("commit", s.Commit(r.ctx, &b))
		if slices.Contains(s.client.scripts.apply.commands, strings.ToUpper(name)) {
			_, err = s.Apply(r.ctx, command)
			refused("command", err)
		}
		if !maps.Equal(before, everything(t, server.Client(), "cutover:{p:")) {
			t.Errorf("without %s: something was written", name)
		}

		setUser(t, server.Client(), "cutover", rule)
		r.ok(s.Commit(r.ctx, &b))
		for i := range b.Changes {
			if b.Changes[i].Err != nil {
				t.Errorf("with %s again: %v", name, b.Changes[i].Err)
			}
		}
		if len(b.Claimed) != 2 {
			t.Errorf("with %s again: claimed %d tasks", name, len(b.Claimed))
		}
	}
}
