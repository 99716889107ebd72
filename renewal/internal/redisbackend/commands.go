package redisbackend

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// perScript is the maximum number of keys in one script call. The server blocks while it runs a
// script.
const perScript = 100

// errUnsent is the error of a command until the client sets a result.
var errUnsent = errors.New("renewal: the client did not send the command")

// commands are the commands of one call. PEXPIRE commands and scripts of perScript keys are reused
// with other arguments; see reuse.go.
type commands struct {
	fresh  bool
	single bool                                            // one command per key
	plain  [backend.KeepLonger + 1]reusable[*redis.IntCmd] // by value of Keep
	shared reusable[*redis.IntSliceCmd]                    // scripts with one TTL and token
	mixed  reusable[*redis.IntSliceCmd]                    // scripts with a TTL and token per key

	cmds  []redis.Cmder // of this call, in the order of sending
	parts []part        // parallel to cmds
	owned []int         // indexes of the requests that scripts serve
}

// part names the requests that a command serves.
type part struct {
	req  int   // index of the request, for a command with one key
	keys []int // indexes of the requests, for a script; nil otherwise
}

// reset empties c, so that it no longer references the keys of any task.
func (c *commands) reset() {
	for form := range c.plain {
		c.plain[form].reset()
	}
	c.shared.reset()
	c.mixed.reset()
	clear(c.cmds)
	clear(c.parts)
	c.cmds, c.parts, c.owned = c.cmds[:0], c.parts[:0], c.owned[:0]
}

// build makes the commands for all requests.
func (c *commands) build(ctx context.Context, reqs []backend.Request, b *Backend) {
	begun := 0 // index in owned at which the present script begins
	for i := range reqs {
		r := &reqs[i]
		if r.Owner == nil {
			c.cmds = append(c.cmds, c.expire(ctx, r))
			c.parts = append(c.parts, part{req: i})
			continue
		}
		if group := c.owned[begun:]; len(group) > 0 && (c.single || !fits(&reqs[group[0]], r, len(group), b.cluster != nil)) {
			c.script(ctx, reqs, group, b)
			begun = len(c.owned)
		}
		c.owned = append(c.owned, i)
	}
	if group := c.owned[begun:]; len(group) > 0 {
		c.script(ctx, reqs, group, b)
	}
}

// fits reports whether a request can join a script call.
func fits(first, r *backend.Request, n int, cluster bool) bool {
	return n < perScript && r.Keep == first.Keep && (!cluster || r.Slot == first.Slot)
}

// expire returns a PEXPIRE for one key.
func (c *commands) expire(ctx context.Context, r *backend.Request) *redis.IntCmd {
	cmd, args := c.plain[r.Keep].next()
	if args == nil {
		args = make([]any, 0, 4)
	}
	args = append(args, "pexpire", r.Key, &r.TTL)
	if r.Keep != backend.KeepNone {
		args = append(args, r.Keep.Option())
	}
	if cmd == nil {
		cmd = redis.NewIntCmd(ctx, args...)
		if !c.fresh {
			c.plain[r.Keep].keep(cmd)
		}
	}
	cmd.SetErr(errUnsent)
	return cmd
}

// script returns an EVALSHA for keys that must hold their owner's token.
func (c *commands) script(ctx context.Context, reqs []backend.Request, group []int, b *Backend) {
	first := &reqs[group[0]]
	shared := true
	for _, i := range group {
		shared = shared && reqs[i].TTL == first.TTL && *reqs[i].Owner == *first.Owner
	}
	kept := &c.mixed
	if shared {
		kept = &c.shared
	}
	again := len(group) == perScript && !c.fresh // so that all kept commands have as many arguments
	var cmd *redis.IntSliceCmd
	var args []any
	if again {
		cmd, args = kept.next()
	}
	if args == nil {
		args = make([]any, 0, 4+3*len(group))
	}
	args = append(args, "evalsha", &b.renewHash, len(group))
	for _, i := range group {
		args = append(args, reqs[i].Key)
	}
	args = append(args, first.Keep.Option())
	if shared {
		args = append(args, &first.TTL, first.Owner)
	} else {
		for _, i := range group {
			args = append(args, &reqs[i].TTL, reqs[i].Owner)
		}
	}
	if cmd == nil {
		cmd = redis.NewIntSliceCmd(ctx, args...)
		if again {
			kept.keep(cmd)
		}
	}
	cmd.SetErr(errUnsent)
	c.cmds = append(c.cmds, cmd)
	c.parts = append(c.parts, part{keys: group})
}

// exec sends the commands. If the server does not know the script, it sends those calls again once
// for each number in texts, which says how many of them then carry the text; see withText.
func (c *commands) exec(ctx context.Context, client redis.UniversalClient, texts ...int) {
	send(ctx, client, c.cmds)
	for _, n := range texts {
		if c.withText(n) {
			send(ctx, client, c.unknown())
		}
	}
}

// send sends commands, each of which then has its own error. The client leaves the error of a
// command as it was if it has no connection, or loses it: that is the error of the call then.
func send(ctx context.Context, client redis.UniversalClient, cmds []redis.Cmder) {
	pipe := client.Pipeline()
	_ = pipe.BatchProcess(ctx, cmds...) // only queues them
	_, err := pipe.Exec(ctx)
	if err == nil || isReply(err) {
		return
	}
	for _, cmd := range cmds {
		if errors.Is(cmd.Err(), errUnsent) {
			cmd.SetErr(err)
		}
	}
}

// unknown returns the script calls that the server answered with NOSCRIPT, to be sent again.
func (c *commands) unknown() (cmds []redis.Cmder) {
	for i, cmd := range c.cmds {
		if c.parts[i].keys != nil && isUnknownScript(cmd.Err()) {
			cmd.SetErr(errUnsent)
			cmds = append(cmds, cmd)
		}
	}
	return cmds
}

// withText changes up to n script calls that the server answered with NOSCRIPT from EVALSHA to EVAL
// with the script's text, all of them if n is negative. It reports whether there were any. It does
// not use SCRIPT LOAD, which would need one more permission.
func (c *commands) withText(n int) (unknown bool) {
	for i, cmd := range c.cmds {
		if n == 0 {
			break
		}
		if c.parts[i].keys != nil && isUnknownScript(cmd.Err()) {
			args := cmd.Args()
			args[0], args[1] = "eval", text(renewText)
			unknown = true
			n--
		}
	}
	return unknown
}

// read copies the answers of the commands into the requests.
func (c *commands) read(reqs []backend.Request) {
	for i, cmd := range c.cmds {
		switch cmd := cmd.(type) {
		case *redis.IntCmd:
			readExpire(&reqs[c.parts[i].req], cmd)
		case *redis.IntSliceCmd:
			readScript(reqs, c.parts[i].keys, cmd)
		}
	}
}

func readExpire(r *backend.Request, cmd *redis.IntCmd) {
	switch {
	case cmd.Err() != nil:
		fail(r, cmd.Err())
	case cmd.Val() == 1:
		r.Answer = backend.Renewed
	default: // with GT or XX the key may exist; resolveKept decides
		r.Answer = backend.Missing
	}
}

// readScript reads the reply of renew.lua, which lists the keys that the script did not renew and
// those whose TTL it left unchanged.
func readScript(reqs []backend.Request, keys []int, cmd *redis.IntSliceCmd) {
	if err := cmd.Err(); err != nil {
		for _, i := range keys {
			fail(&reqs[i], err)
		}
		return
	}
	for _, i := range keys {
		reqs[i].Answer = backend.Renewed
	}
	for v := cmd.Val(); len(v) >= 3; v = v[3:] {
		if v[0] < 1 || int(v[0]) > len(keys) {
			continue
		}
		r := &reqs[keys[v[0]-1]]
		switch v[1] {
		case 0:
			r.Answer = backend.Missing
		case 1:
			r.Answer = backend.Foreign
		case 2:
			r.Answer, r.Err = backend.Failed, backend.ErrWrongType
		case 3:
			r.Left = max(time.Duration(v[2])*time.Millisecond, 0)
		}
	}
}

// failedTogether returns the indexes of requests whose script call failed because of some of its
// keys: the user may not use a key, or the slot is partly moved. The other keys of the call are
// refreshed separately.
func (c *commands) failedTogether() (at []int) {
	for i, cmd := range c.cmds {
		if keys := c.parts[i].keys; len(keys) > 1 && (isKeyRefused(cmd.Err()) || isTorn(cmd.Err())) {
			at = append(at, keys...)
		}
	}
	return at
}
