#!/usr/bin/env bash
# When a call of go-redis returns after its context has ended.
#
# Guess: a call with a context returns when the context ends; at least with ContextTimeoutEnabled, which the
# documentation names for that.
#
# Seen (go-redis v9.23.0, a server that accepts connections and never answers, ReadTimeout 1 s, no retries): without
# the option neither a deadline nor a cancel ends the wait for an answer. With it a deadline does, but a cancel
# still does not: the call returns when the read timeout is over. And in none of the four cases is the error the
# context's: a deadline that ended the call is reported as the network's "i/o timeout", for which errors.Is(err,
# context.DeadlineExceeded) is false. Code that has to return when its context ends must make the call in a separate
# goroutine and wait for it.
set -euo pipefail

dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

func main() {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	for _, enabled := range []bool{false, true} {
		rdb := redis.NewClient(&redis.Options{
			Addr: silent.Addr().String(), Protocol: 2, DisableIdentity: true,
			MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
			MaxRetries:               -1, ReadTimeout: time.Second, ContextTimeoutEnabled: enabled,
		})
		deadline, stop := context.WithTimeout(context.Background(), 100*time.Millisecond)
		report(enabled, "deadline", rdb, deadline)
		stop()
		canceled, cancel := context.WithCancel(context.Background())
		time.AfterFunc(100*time.Millisecond, cancel)
		report(enabled, "cancel", rdb, canceled)
		_ = rdb.Close()
	}
}

func report(enabled bool, end string, rdb *redis.Client, ctx context.Context) {
	began := time.Now()
	err := rdb.Get(ctx, "key").Err()
	when := "with the context"
	if time.Since(began) > 600*time.Millisecond {
		when = "with the read timeout"
	}
	fmt.Printf("ContextTimeoutEnabled=%t %s: returns %s, is the context's error: %t\n",
		enabled, end, when, errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}
GO
export GOFLAGS=-mod=mod GOWORK=off
go mod init finding >/dev/null 2>&1
go get github.com/redis/go-redis/v9@v9.23.0 >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[[ $seen == "ContextTimeoutEnabled=false deadline: returns with the read timeout, is the context's error: false
ContextTimeoutEnabled=false cancel: returns with the read timeout, is the context's error: false
ContextTimeoutEnabled=true deadline: returns with the context, is the context's error: false
ContextTimeoutEnabled=true cancel: returns with the read timeout, is the context's error: false" ]]
