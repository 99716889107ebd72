#!/usr/bin/env bash
# Whether a client of go-redis with another timeout still has the hooks of the client it was made from.
#
# Guess: Client.WithTimeout returns the same client with other timeouts, so hooks that trace or measure calls, added
# before, see the calls of the new client, too; Conn, which is made from a client as well, keeps them.
#
# Seen (go-redis v9.23.0, a server of a few lines that answers PING): the hooks see calls of the
# client and of its Conn, and none of the client that WithTimeout returns: neither commands nor pipelines nor dials.
# They can be added to it again, if one has them: a library that is given a client has not.
set -euo pipefail

dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// count is a hook.
type count struct{ commands, pipelines int }

func (c *count) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *count) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.commands++
		return next(ctx, cmd)
	}
}

func (c *count) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.pipelines++
		return next(ctx, cmds)
	}
}

// obliging answers PING, and knows no other command.
func obliging() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				lines := bufio.NewScanner(conn)
				for lines.Scan() {
					switch lines.Text() {
					case "ping":
						fmt.Fprint(conn, "+PONG\r\n")
					case "hello":
						fmt.Fprint(conn, "-ERR unknown command\r\n")
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func main() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{
		Addr: obliging(), Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	hook := &count{}
	rdb.AddHook(hook)
	for _, c := range []struct {
		name   string
		client interface {
			Ping(context.Context) *redis.StatusCmd
			Pipeline() redis.Pipeliner
		}
	}{{"the client", rdb}, {"Conn", rdb.Conn()}, {"WithTimeout", rdb.WithTimeout(time.Second)}} {
		before := *hook
		if err := c.client.Ping(ctx).Err(); err != nil {
			panic(err)
		}
		pipe := c.client.Pipeline()
		pipe.Ping(ctx)
		if _, err := pipe.Exec(ctx); err != nil {
			panic(err)
		}
		fmt.Printf("%s: the hook sees a command: %t, a pipeline: %t\n", c.name, hook.commands > before.commands, hook.pipelines > before.pipelines)
	}
}
GO
export GOFLAGS=-mod=mod GOWORK=off
go mod init finding >/dev/null 2>&1
go get github.com/redis/go-redis/v9@v9.23.0 >/dev/null 2>&1
echo "go-redis v9.23.0"
seen=$(go run .)
echo "$seen"
[[ $seen == "the client: the hook sees a command: true, a pipeline: true
Conn: the hook sees a command: true, a pipeline: true
WithTimeout: the hook sees a command: false, a pipeline: false" ]]
