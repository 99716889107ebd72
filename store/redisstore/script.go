package redisstore

import (
	"context"
	"crypto/sha1" //nolint:gosec // names a script, as Redis does
	"embed"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts
var sources embed.FS

// script is one Lua script with the shared pieces that it uses in front.
type script struct {
	name, text, sha string
}

// scripts are all of them.
type scripts struct {
	begin, tenants, finish, remove *script
	save, commit, apply, repair    *script
	plan, tasks, states, pick      *script
	events, history                *script
	held, cursor, agenda           *script
	lock, reserve                  *script
}

// loadScripts composes the scripts. An error is a fault of this package.
func loadScripts() (*scripts, error) {
	var all scripts
	for name, to := range map[string]**script{
		"begin": &all.begin, "tenants": &all.tenants, "finish": &all.finish, "remove": &all.remove,
		"save": &all.save, "commit": &all.commit, "apply": &all.apply, "repair": &all.repair,
		"plan": &all.plan, "tasks": &all.tasks, "states": &all.states, "pick": &all.pick, "events": &all.events, "history": &all.history,
		"held": &all.held, "cursor": &all.cursor, "agenda": &all.agenda, "lock": &all.lock, "reserve": &all.reserve,
	} {
		s, err := loadScript(name)
		if err != nil {
			return nil, err
		}
		*to = s
	}
	return &all, nil
}

// builtins are short names for functions that all scripts use.
const builtins = "local find, match, sub, concat, floor, char, byte, format = " +
	"string.find, string.match, string.sub, table.concat, math.floor, string.char, string.byte, string.format\n"

// loadScript reads a script and what its first line asks for: "-- use: a, b".
func loadScript(name string) (*script, error) {
	own, err := sources.ReadFile("scripts/" + name + ".lua")
	if err != nil {
		return nil, fmt.Errorf("redisstore: script %s: %w", name, err)
	}
	var text strings.Builder
	text.WriteString(builtins)
	first, _, _ := strings.Cut(string(own), "\n")
	if used, ok := strings.CutPrefix(first, "-- use: "); ok {
		for piece := range strings.SplitSeq(used, ", ") {
			shared, err := sources.ReadFile("scripts/lib/" + piece + ".lua")
			if err != nil {
				return nil, fmt.Errorf("redisstore: script %s: %w", name, err)
			}
			writeShared(&text, string(shared))
		}
	}
	text.WriteString("return (function()\n")
	writeCode(&text, string(own))
	text.WriteString("end)()\n")
	sum := sha1.Sum([]byte(text.String())) //nolint:gosec // as above
	return &script{name: name, text: text.String(), sha: hex.EncodeToString(sum[:])}, nil
}

// writeCode writes Lua without its comment lines: a server that lost the script is
// sent all of it.
func writeCode(to *strings.Builder, code string) {
	for line := range strings.Lines(code) {
		if !strings.HasPrefix(strings.TrimLeft(line, " \t"), "--") {
			to.WriteString(line)
		}
	}
}

// writeShared writes a shared piece as a function of its own that is called at once
// and returns what it provides. Lua looks for a variable that a function shares with
// its surroundings among all that are shared there: without the walls around the
// pieces, making their functions takes longer than a small commit.
func writeShared(to *strings.Builder, code string) {
	_, after, _ := strings.Cut(code, "-- provides: ")
	var names strings.Builder
	for line := range strings.Lines(after) {
		names.WriteString(strings.TrimSpace(strings.TrimPrefix(line, "--")) + " ")
		if !strings.HasSuffix(strings.TrimSpace(line), ",") {
			break
		}
	}
	provided := strings.TrimSpace(names.String())
	to.WriteString("local " + provided + " = (function()\n")
	writeCode(to, code)
	to.WriteString("return " + provided + "\nend)()\n")
}

// argv returns the command that calls s on a key, for append to go on with its
// arguments.
func (s *script) argv(argv []any, keys ...string) []any {
	argv = append(argv, "evalsha", s.sha, len(keys))
	for _, k := range keys {
		argv = append(argv, k)
	}
	return argv
}

// process sends one script call. A server that does not know the script, because it
// was restarted or took over, is sent all of it.
func process(ctx context.Context, rdb redis.Cmdable, s *script, argv []any) (string, error) {
	cmd := redis.NewStringCmd(ctx, argv...)
	err := send(ctx, rdb, cmd)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		argv[0], argv[1] = "eval", s.text
		cmd = redis.NewStringCmd(ctx, argv...)
		err = send(ctx, rdb, cmd)
		argv[0], argv[1] = "evalsha", s.sha
	}
	return cmd.Val(), err
}
