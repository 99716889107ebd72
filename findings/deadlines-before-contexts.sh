#!/usr/bin/env bash
# Whether a context has ended when a connection reports that its deadline is over.
#
# Guess: a call that fails because the deadline of its context is over finds ctx.Err() set, so "if ctx.Err() != nil"
# after the call tells a caller's end of time from a fault of the server.
#
# Seen (Go 1.26.8; go-redis v9.23.0 with ContextTimeoutEnabled; a server that accepts and never answers): in more
# than half of the calls ctx.Err() is still nil when the call returns. A library that has to bound a read copies the
# context's deadline to the connection (SetReadDeadline), and then two timers of the runtime end at the same instant:
# either may be first. Of 1,000 reads 664 to 786 were ahead of their contexts, of 1,000 calls of go-redis 598 to 687.
# net/http, which waits for the context and sets no deadline for an answer, was never ahead. Code that asks why a call
# has ended must compare the clock with ctx.Deadline(), too.
set -euo pipefail

dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// silent returns the address of a server that accepts connections and never answers.
func silent() string {
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
			defer conn.Close()
		}
	}()
	return listener.Addr().String()
}

// ahead makes 20 rounds of 50 calls at once, and counts those that fail by the end of their time and
// find their context not ended.
func ahead(call func(context.Context) error) (ahead, calls int) {
	var mu sync.Mutex
	for range 20 {
		var round sync.WaitGroup
		for range 50 {
			round.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
				defer cancel()
				err := call(ctx)
				ended := ctx.Err()
				if timeout, ok := err.(net.Error); !ok || !timeout.Timeout() {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				calls++
				if ended == nil {
					ahead++
				}
			})
		}
		round.Wait()
	}
	return ahead, calls
}

func read(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		defer conn.Close()
		deadline, _ := ctx.Deadline()
		if err := conn.SetReadDeadline(deadline); err != nil {
			return err
		}
		_, err = conn.Read(make([]byte, 1))
		return err
	}
}

func ask(address string) func(context.Context) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address, nil)
		if err != nil {
			return err
		}
		_, err = client.Do(r)
		return err
	}
}

func main() {
	address := silent()
	rdb := redis.NewClient(&redis.Options{
		Addr: address, Protocol: 2, DisableIdentity: true, PoolSize: 100, MaxRetries: -1, ContextTimeoutEnabled: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	failed := false
	for _, tt := range []struct {
		name string
		call func(context.Context) error
		some bool
	}{
		{"a read with the context's deadline", read(address), true},
		{"go-redis, a PING", func(ctx context.Context) error { return rdb.Ping(ctx).Err() }, true},
		{"net/http, a GET", ask(address), false},
	} {
		n, calls := ahead(tt.call)
		fmt.Printf("%-36s %4d of %d timeouts came while ctx.Err() was nil\n", tt.name+":", n, calls)
		failed = failed || calls < 500 || (n > 0) != tt.some
	}
	if failed {
		fmt.Println("this is not what was seen")
		os.Exit(1)
	}
}
GO

cat >go.mod <<'MOD'
module finding

go 1.26
MOD
go get github.com/redis/go-redis/v9@v9.23.0 >/dev/null 2>&1
go version
go run .
