package redisstore

import (
	"context"
	"crypto/sha1" //nolint:gosec // names a script, as Redis does
	"embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts
var sources embed.FS

// code is one Lua script, preceded by the shared pieces that it uses. It never changes, so all
// stores of the process share it.
type code struct {
	name, text, sha string
	// commands are the commands that the script may run, without PUBLISH.
	commands []string
	// reads means that the script writes nothing. It is called with the read-only form of EVALSHA:
	// the server answers such calls even while it pauses writes, as in a planned failover.
	reads bool
}

// script is a script as one store uses it.
type script struct {
	*code
	// plain means that the server, or the user's permissions, do not allow read-only calls.
	plain atomic.Bool
}

// scripts are all scripts of a store.
type scripts struct {
	begin, tenants, finish, remove *script
	save, turn, commit             *script
	apply, repair                  *script
	plan, tasks, states, pick      *script
	events, history, held, prune   *script
	cursor, lock, reserve, tokens  *script
	lease, member                  *script
	occupy, vacate, places         *script

	wake, expect, reschedule, remind, due, restore, forget *script // of the agenda
	subscribe, unread, letters                             *script // of subscriptions

	// end is commit for changes that only end holds, on a server whose memory is full.
	end *script
}

// The scripts are composed once per process and not by every Open, whose context may end soon.
//
//nolint:gochecknoglobals // they never change
var (
	plainCode      = sync.OnceValues(func() (map[string]*code, error) { return composeAll(false) })
	replicatedCode = sync.OnceValues(func() (map[string]*code, error) { return composeAll(true) })
)

// loadScripts returns the scripts for one store. If touch is true, the scripts whose calls wait for
// replicas write at every call. An error is a fault of this package.
func loadScripts(touch bool) (*scripts, error) {
	composed, err := plainCode()
	if touch {
		composed, err = replicatedCode()
	}
	if err != nil {
		return nil, err
	}
	var all scripts
	for name, place := range all.byName() {
		*place = &script{code: composed[name]}
	}
	return &all, nil
}

// ofAgenda returns the scripts that work on the agenda.
func (all *scripts) ofAgenda() []*script {
	return []*script{
		all.wake, all.expect, all.reschedule, all.remind, all.due, all.restore, all.forget, all.subscribe, all.unread, all.letters,
	}
}

// byName maps the name of each script to its field.
func (all *scripts) byName() map[string]**script {
	return map[string]**script{
		"begin": &all.begin, "tenants": &all.tenants, "finish": &all.finish, "remove": &all.remove,
		"save": &all.save, "turn": &all.turn, "commit": &all.commit, "apply": &all.apply, "repair": &all.repair,
		"plan": &all.plan, "tasks": &all.tasks, "states": &all.states, "pick": &all.pick, "events": &all.events, "history": &all.history,
		"held": &all.held, "prune": &all.prune, "cursor": &all.cursor, "lock": &all.lock, "reserve": &all.reserve,
		"tokens": &all.tokens, "end": &all.end, "lease": &all.lease, "member": &all.member,
		"occupy": &all.occupy, "vacate": &all.vacate, "places": &all.places,
		"agenda/wake": &all.wake, "agenda/expect": &all.expect, "agenda/reschedule": &all.reschedule, "agenda/remind": &all.remind,
		"agenda/due": &all.due, "agenda/check": &all.restore, "agenda/forget": &all.forget,
		"agenda/subscribe": &all.subscribe, "agenda/unread": &all.unread, "agenda/letters": &all.letters,
	}
}

func composeAll(touch bool) (map[string]*code, error) {
	durable := []string{"begin", "finish", "remove", "save", "turn", "commit", "apply", "lock", "reserve", "occupy"}
	reading := []string{"plan", "tasks", "states", "pick", "events", "history", "held", "member", "places"}
	all := map[string]*code{}
	for name := range new(scripts).byName() {
		var err error
		switch name {
		case "tokens": // it writes at every call
			all[name], err = compose(name, allowed, false)
		case "end":
			all[name], err = compose("commit", allowed, touch)
		default:
			all[name], err = compose(name, "", touch && slices.Contains(durable, name))
		}
		if err != nil {
			return nil, err
		}
		all[name].reads = slices.Contains(reading, name)
	}
	return all, nil
}

// builtins are short names for functions that all scripts use.
const builtins = "local find, match, sub, concat, floor, char, byte, format = " +
	"string.find, string.match, string.sub, table.concat, math.floor, string.char, string.byte, string.format\n"

// allowed is a write that a server never refuses for lack of memory, and that changes nothing. A
// server judges a script by its first write alone: after this one it carries out all others, too.
const allowed = "redis.call('UNLINK', KEYS[1] .. '-')\n"

// touch is a write that changes nothing in the end, for a call whose own write was already made by
// an earlier attempt. WAIT reports how many replicas have the last write of the connection (Redis
// from 7.2 on, Valkey): to a connection that wrote nothing it answers immediately that all replicas
// have it. The key is not dropped between the two commands, and the server does not check its
// memory.
const touch = "if redis.call('PEXPIRE', KEYS[1], '1000000000000') == 1 then redis.call('PERSIST', KEYS[1]) end\n"

// compose reads a script and the shared pieces that it asks for. The Lua code first comes before
// both of them.
func compose(name, first string, touching bool) (*code, error) {
	own, err := sources.ReadFile("scripts/" + name + ".lua")
	if err != nil {
		return nil, fmt.Errorf("redisstore: script %s: %w", name, err)
	}
	var text strings.Builder
	text.WriteString(builtins + first)
	if used, ok := strings.CutPrefix(string(own), "-- use: "); ok {
		for piece := range strings.SplitSeq(commaList(used), " ") {
			piece = strings.TrimSuffix(piece, ",")
			shared, err := sources.ReadFile("scripts/lib/" + piece + ".lua")
			if err != nil {
				return nil, fmt.Errorf("redisstore: script %s: %w", name, err)
			}
			if !writeShared(&text, string(shared)) {
				return nil, fmt.Errorf("redisstore: script %s: lib/%s.lua does not declare what it provides", name, piece)
			}
		}
	}
	text.WriteString("local answer = (function()\n")
	writeCode(&text, string(own))
	text.WriteString("end)()\n")
	if touching {
		text.WriteString(touch)
	}
	text.WriteString("return answer\n")
	commands := commandsOf(text.String())
	guarded := guard(commands) + text.String()
	return &code{name: name, text: guarded, sha: digest(guarded), commands: commands}, nil
}

// digest returns the name under which a server knows a script.
func digest(text string) string {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // names a script, as Redis does
	return hex.EncodeToString(sum[:])
}

// writeCode writes Lua without its comment lines: a server that has lost the script is sent all of
// it.
func writeCode(to *strings.Builder, code string) {
	for line := range strings.Lines(code) {
		if !strings.HasPrefix(strings.TrimLeft(line, " \t"), "--") {
			to.WriteString(line)
		}
	}
}

// writeShared writes a shared piece as a function that is called immediately and returns what the
// piece provides. Lua looks for a variable that a function shares with its surroundings among all
// variables shared there: if the pieces were not separated in this way, creating their functions
// would take longer than a small commit. writeShared returns false if the piece does not declare
// what it provides.
func writeShared(to *strings.Builder, code string) bool {
	_, after, ok := strings.Cut(code, "\n-- provides: ")
	if !ok {
		return false
	}
	provided := commaList(after)
	to.WriteString("local " + provided + " = (function()\n")
	writeCode(to, code)
	to.WriteString("return " + provided + "\nend)()\n")
	return true
}

// commaList returns the list with which text begins, "a, b", which goes on in the next comment line
// after a comma.
func commaList(text string) string {
	var list []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "--"))
		if list = append(list, line); !strings.HasSuffix(line, ",") {
			break
		}
	}
	return strings.Join(list, " ")
}

// argv appends to argv the command that calls s on the keys. The caller appends the arguments to
// the result.
func (s *script) argv(argv []any, keys ...string) []any {
	command := "evalsha"
	if s.reads && !s.plain.Load() {
		command = "evalsha_ro"
	}
	argv = append(argv, command, s.sha, len(keys))
	for _, k := range keys {
		argv = append(argv, k)
	}
	return argv
}

// otherwise returns the form in which a call that a server refused is made again: with the whole
// text of the script, if the server does not know it because it was restarted or took over, or as a
// call that may write, if read-only calls are refused. It returns nil if the refusal stands.
func (s *script) otherwise(argv []any, err error) []any {
	if err == nil {
		return nil
	}
	readOnly := argv[0] == "evalsha_ro" || argv[0] == "eval_ro"
	switch {
	case redis.HasErrorPrefix(err, "NOSCRIPT") && readOnly:
		return append([]any{"eval_ro", s.text}, argv[2:]...)
	case redis.HasErrorPrefix(err, "NOSCRIPT"):
		return append([]any{"eval", s.text}, argv[2:]...)
	case readOnly && (redis.IsPermissionError(err) || redis.HasErrorPrefix(err, "ERR unknown command") ||
		strings.Contains(err.Error(), "Write commands are not allowed")): // from an imitation, for which TIME is a write
		return append([]any{"evalsha", s.sha}, argv[2:]...)
	}
	return nil
}

// learn records the form in which a call finally succeeded.
func (s *script) learn(argv []any, err error) {
	if s.reads && err == nil && (argv[0] == "evalsha" || argv[0] == "eval") && !s.plain.Load() {
		s.plain.Store(true)
	}
}

// process sends one script call, and sends it again if it has to be made in another form.
func process(ctx context.Context, rdb redis.Cmdable, s *script, argv []any) (string, error) {
	for {
		cmd := redis.NewStringCmd(ctx, argv...)
		err := send(ctx, rdb, cmd)
		next := s.otherwise(argv, err)
		if next == nil {
			s.learn(argv, err)
			return cmd.Val(), err
		}
		argv = next
	}
}
