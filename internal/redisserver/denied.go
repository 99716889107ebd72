package redisserver

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// PermissionsLua is Lua source to put in front of a script. Its function refusals returns the calls
// of a list that the user may not make; [FindDenied] uses it too.
//
//go:embed permissions.lua
var PermissionsLua string

//go:embed denied.lua
var denied string

// Denied lists which of the given calls a user may not make on a server. It is an error that
// components wrap in their own errors.
type Denied struct {
	Addr     string   // the server's address as the client knows it; empty if unknown
	Commands []string // commands that the user may not run at all
	Keys     []string // keys that the user may not read, or not write
	Channels []string
}

func (d *Denied) Error() string {
	var faults []string
	for _, kind := range []struct {
		name string
		what []string
	}{{"commands", d.Commands}, {"keys", d.Keys}, {"channels", d.Channels}} {
		if len(kind.what) > 0 {
			faults = append(faults, kind.name+" "+strings.Join(kind.what, ", "))
		}
	}
	return "the user has no permission for " + strings.Join(faults, "; ")
}

// FindDenied asks every master that rdb knows whether its user may make calls, each a command with
// its key or channel. It returns the refused calls of the first master that refuses any, or nil if
// no master is known to refuse one. It writes nothing and reads no key, so servers that are full,
// or whose writes are paused, answer too. A server that cannot answer the question (any before
// Redis 7.0) counts as refusing nothing, and a master that does not answer while others do is
// skipped. If no server could be asked, or if the user may not run scripts, the error is the
// client's own, unchanged.
//
// It may take as long as [FindEviction].
func FindDenied(ctx context.Context, rdb redis.UniversalClient, calls [][]string) (*Denied, error) {
	var args []any
	for _, call := range calls {
		args = append(args, len(call))
		for _, word := range call {
			args = append(args, word)
		}
	}
	return findOnMasters(ctx, rdb, func(ctx context.Context, rdb redis.Cmdable, addr string) (*Denied, error) {
		return askRights(ctx, rdb, addr, args)
	})
}

// askRights asks one server. It uses a read-only call if the server has such calls and the user may
// make them, because servers answer read-only calls even while writes are paused.
func askRights(ctx context.Context, rdb redis.Cmdable, addr string, args []any) (*Denied, error) {
	answer, err := rdb.EvalRO(ctx, PermissionsLua+denied, nil, args...).StringSlice()
	if redis.IsPermissionError(err) || redis.HasErrorPrefix(err, "ERR unknown command") {
		answer, err = rdb.Eval(ctx, PermissionsLua+denied, nil, args...).StringSlice()
	}
	if err != nil || len(answer) == 0 {
		return nil, err
	}
	found := &Denied{Addr: addr}
	for _, text := range answer {
		kind, what, _ := strings.Cut(text, " ")
		switch kind {
		case "command":
			found.Commands = append(found.Commands, what)
		case "key":
			found.Keys = append(found.Keys, what)
		case "channel":
			found.Channels = append(found.Channels, what)
		default:
			return nil, fmt.Errorf("redisserver: a script answered %.64q", text)
		}
	}
	return found, nil
}
