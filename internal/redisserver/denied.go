package redisserver

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// PermissionsLua is Lua text that scripts put before their own: its function refusals returns which
// of a list of calls the user may not make, as [FindDenied] uses it.
//
//go:embed permissions.lua
var PermissionsLua string

//go:embed denied.lua
var denied string

// Denied lists what a user may not do on a server, of the calls that were asked about. It is an
// error, for components to wrap in their own.
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
// its key or channel. It returns what the first master that refuses any of them refuses, nil if no
// master is known to refuse one. Nothing is written and no key is read; full servers answer, and
// servers whose writes are paused. A server that cannot answer the question, as before Redis 7.0,
// proves nothing, and a master that is silent while others answer is skipped. The error is the
// client's own, unchanged, if no server could be asked, or if the user may run no script.
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

// askRights asks one server, by a read-only call if the server and the user have such calls: it is
// answered also while writes are paused.
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
