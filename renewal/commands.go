package renewal

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	perScript = 100 // keys in one script call: the server does nothing else meanwhile
)

// errUnsent is the error of a command until the client has dealt with it.
var errUnsent = errors.New("renewal: the client did not send the command")

// commands are the commands of one call. Those for single keys are used again, with
// other arguments: that leans on Args returning the slice that the client sends, on
// the client filling in the same object, and on it touching none once Exec has
// returned; see TestCommandsCanBeUsedAgain.
type commands struct {
	fresh  bool
	single bool                            // each key in a command of its own
	plain  [keepLonger + 1][]*redis.IntCmd // by form; those of this call come first
	used   [keepLonger + 1]int

	cmds  []redis.Cmder // of this call, in the order in which they are sent
	parts []part        // parallel to cmds
}

// part says which requests a command is for.
type part struct {
	req  int   // of a single key
	keys []int // of a script
}

// reset forgets the call, and with it the keys of its tasks.
func (c *commands) reset() {
	for form, n := range c.used {
		for _, cmd := range c.plain[form][:n] {
			args := cmd.Args()
			args[1], args[2] = nil, nil
		}
	}
	clear(c.cmds)
	clear(c.parts)
	c.cmds, c.parts = c.cmds[:0], c.parts[:0]
	c.used = [keepLonger + 1]int{}
}

// build makes the commands for all requests.
func (c *commands) build(ctx context.Context, reqs []request, b *redisBackend) {
	var group []int
	for i := range reqs {
		r := &reqs[i]
		if r.owner == nil {
			c.cmds = append(c.cmds, c.expire(ctx, r))
			c.parts = append(c.parts, part{req: i})
			continue
		}
		if len(group) > 0 && (c.single || !fits(&reqs[group[0]], r, len(group), b.cluster != nil)) {
			c.script(ctx, reqs, group, b)
			group = nil
		}
		group = append(group, i)
	}
	if len(group) > 0 {
		c.script(ctx, reqs, group, b)
	}
}

// fits tells whether a request can join a script call.
func fits(first, r *request, n int, cluster bool) bool {
	return n < perScript && r.keep == first.keep && (!cluster || r.slot == first.slot)
}

func (k keep) option() string {
	return [...]string{keepNone: "", keepPersistent: "XX", keepLonger: "GT"}[k]
}

// expire is a PEXPIRE for one key.
func (c *commands) expire(ctx context.Context, r *request) *redis.IntCmd {
	n := c.used[r.keep]
	if c.fresh || n == len(c.plain[r.keep]) {
		args := []any{"pexpire", r.key, &r.ttl}
		if r.keep != keepNone {
			args = append(args, r.keep.option())
		}
		cmd := redis.NewIntCmd(ctx, args...)
		cmd.SetErr(errUnsent)
		if !c.fresh {
			c.plain[r.keep] = append(c.plain[r.keep], cmd)
			c.used[r.keep]++
		}
		return cmd
	}
	c.used[r.keep]++
	cmd := c.plain[r.keep][n]
	args := cmd.Args()
	args[1], args[2] = r.key, &r.ttl
	cmd.SetErr(errUnsent)
	return cmd
}

// script is an EVALSHA for keys that must hold their owner's token.
func (c *commands) script(ctx context.Context, reqs []request, group []int, b *redisBackend) {
	first := &reqs[group[0]]
	args := make([]any, 0, 6+3*len(group))
	args = append(args, "evalsha", b.renewScript.Hash(), len(group))
	shared := true
	for _, i := range group {
		args = append(args, reqs[i].key)
		shared = shared && reqs[i].ttl == first.ttl && *reqs[i].owner == *first.owner
	}
	args = append(args, first.keep.option())
	if shared {
		args = append(args, &first.ttl, first.owner)
	} else {
		for _, i := range group {
			args = append(args, &reqs[i].ttl, reqs[i].owner)
		}
	}
	cmd := redis.NewIntSliceCmd(ctx, args...)
	cmd.SetErr(errUnsent)
	c.cmds = append(c.cmds, cmd)
	c.parts = append(c.parts, part{keys: group})
}

// exec sends the commands that have no answer yet; the first time, that is all.
func (c *commands) exec(ctx context.Context, client redis.UniversalClient) {
	pipe := client.Pipeline()
	for _, cmd := range c.cmds {
		if err := cmd.Err(); errors.Is(err, errUnsent) || noScript(err) {
			_ = pipe.Process(ctx, cmd) // only queues it
		}
	}
	if pipe.Len() > 0 {
		_, _ = pipe.Exec(ctx) // every command has its own error
	}
}

func noScript(err error) bool {
	return isReply(err) && strings.HasPrefix(err.Error(), "NOSCRIPT")
}

// withText makes script calls that the server did not know, n of them or all that there
// are, bring their text, and tells whether there were any. SCRIPT LOAD would be one more
// thing for a user to be allowed.
func (c *commands) withText(n int) (unknown bool) {
	for i, cmd := range c.cmds {
		if n == 0 {
			break
		}
		if c.parts[i].keys != nil && noScript(cmd.Err()) {
			args := cmd.Args()
			args[0], args[1] = "eval", permittedText+renewText
			unknown = true
			n--
		}
	}
	return unknown
}

// read turns the answers of the commands into those of the requests.
func (c *commands) read(reqs []request) {
	for i, cmd := range c.cmds {
		switch cmd := cmd.(type) {
		case *redis.IntCmd:
			readExpire(&reqs[c.parts[i].req], cmd)
		case *redis.IntSliceCmd:
			readScript(reqs, c.parts[i].keys, cmd)
		}
	}
}

func readExpire(r *request, cmd *redis.IntCmd) {
	switch {
	case cmd.Err() != nil:
		r.answer, r.err = answerFailed, cmd.Err()
	case cmd.Val() == 1:
		r.answer = answerRenewed
	default: // with GT or XX not yet the last word
		r.answer = answerMissing
	}
}

// readScript takes the list of keys that were not simply renewed; see renew.lua.
func readScript(reqs []request, keys []int, cmd *redis.IntSliceCmd) {
	if err := cmd.Err(); err != nil {
		for _, i := range keys {
			reqs[i].answer, reqs[i].err = answerFailed, err
		}
		return
	}
	for _, i := range keys {
		reqs[i].answer = answerRenewed
	}
	for v := cmd.Val(); len(v) >= 3; v = v[3:] {
		if v[0] < 1 || int(v[0]) > len(keys) {
			continue
		}
		r := &reqs[keys[v[0]-1]]
		switch v[1] {
		case 0:
			r.answer = answerMissing
		case 1:
			r.answer = answerForeign
		case 2:
			r.answer, r.err = answerFailed, ErrWrongType
		case 3:
			r.left = max(time.Duration(v[2])*time.Millisecond, 0)
		}
	}
}

// refusedTogether are the requests of script calls that were refused because of one of
// several keys. The others are not to suffer for it.
func (c *commands) refusedTogether() (at []int) {
	for i, cmd := range c.cmds {
		if keys := c.parts[i].keys; len(keys) > 1 && isKeyRefused(cmd.Err()) {
			at = append(at, keys...)
		}
	}
	return at
}
