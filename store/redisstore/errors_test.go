package redisstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store"
)

// TestFaults: the store translates each error of the client into a passing fault, a server that
// cannot be used, damage, or another error.
func TestFaults(t *testing.T) {
	t.Parallel()
	rdb, mini := redistest.MiniServer(t)
	s := openStore(t, rdb, Config{})
	answered := func(text string) error {
		mini.SetError(text)
		defer mini.SetError("")
		return rdb.Get(t.Context(), "key").Err()
	}
	for _, code := range []string{
		"LOADING Redis is loading", "READONLY You can't write", "CLUSTERDOWN Hash slot not served", "MASTERDOWN Link down",
		"TRYAGAIN Multiple keys", "BUSY Redis is busy", "OOM command not allowed", "NOREPLICAS Not enough",
		"MISCONF Redis is configured", "ERR max number of clients reached",
	} {
		if err := s.client.fault(t.Context(), "key", answered(code)); !store.Temporary(err) {
			t.Errorf("%s: %v, want a passing fault", code, err)
		}
	}
	for _, fault := range []error{io.EOF, errors.New("connection reset by peer"), redis.ErrPoolTimeout} {
		if err := s.client.fault(t.Context(), "key", fault); !store.Temporary(err) || !errors.Is(err, fault) {
			t.Errorf("%v: %v, want a passing fault", fault, err)
		}
	}
	for _, fault := range []error{
		tls.RecordHeaderError{Msg: "no TLS"},
		fmt.Errorf("dial: %w", x509.UnknownAuthorityError{}), tls.AlertError(40),
	} {
		if err := s.client.fault(t.Context(), "key", fault); !errors.Is(err, ErrServer) || store.Temporary(err) || !errors.Is(err, fault) {
			t.Errorf("%v: %v, want that the server cannot be used", fault, err)
		}
	}
	for _, code := range []string{
		"NOAUTH Authentication required.", "WRONGPASS invalid username-password pair", "NOPERM this user has no permissions",
		"ERR The user executing the script can't run this command or subcommand script: 1, on @user_script:1.",
	} {
		for _, opened := range []bool{false, true} { // after Open, the right was taken away and may be restored
			own := &client{addr: "addr", opened: opened}
			if err := own.fault(t.Context(), "key", answered(code)); !errors.Is(err, ErrServer) || store.Temporary(err) != opened {
				t.Errorf("%s: %v, want that the server cannot be used, for now: %t", code, err, opened)
			}
		}
	}
	var corrupt *store.CorruptError
	if err := s.client.fault(t.Context(), "key", answered("WRONGTYPE Operation")); !errors.As(err, &corrupt) || corrupt.Key != "key" {
		t.Errorf("WRONGTYPE: %v, want corrupt", err)
	}
	if err := s.client.fault(t.Context(), "key", answered("ERR whatever")); store.Temporary(err) || err == nil {
		t.Errorf("ERR: %v, want a permanent fault", err)
	}
	_, number := strconv.ParseInt("x", 10, 64)
	if err := s.client.fault(t.Context(), "key", number); !errors.As(err, &corrupt) || corrupt.Key != "key" {
		t.Errorf("no number: %v, want corrupt", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.client.fault(ended, "key", io.EOF); !errors.Is(err, context.Canceled) || store.Temporary(err) {
		t.Errorf("after the context has ended: %v, want its error", err)
	}
}

// TestClientTimeouts: a timeout inside the client is a passing fault, although its error is that of
// an ended context.
func TestClientTimeouts(t *testing.T) {
	t.Parallel()
	s := openStore(t, redistest.Mini(t), Config{})
	_, dial := (&net.Dialer{Timeout: 1}).DialContext(t.Context(), "tcp", s.client.addr)
	for _, fault := range []error{dial, context.DeadlineExceeded, fmt.Errorf("sentinel: %w", context.Canceled)} {
		err := s.client.fault(t.Context(), "key", fault)
		if fault == nil || !store.Temporary(err) || !strings.Contains(err.Error(), fault.Error()) {
			t.Errorf("%v: %v, want a passing fault", fault, err)
		}
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]error{
		"=anything":                  nil,
		"!notfound":                  store.ErrNotFound,
		"!conflict version 3, not 2": store.ErrConflict,
		"!corrupt 3:a:bwhy":          &store.CorruptError{Key: "a:b", Reason: "why"},
		"!corrupt 9:a:bwhy":          store.ErrCorrupt,
		"":                           store.ErrCorrupt,
	} {
		err := problem("key", answer)
		var corrupt *store.CorruptError
		if errors.As(want, &corrupt) {
			if err == nil || err.Error() != want.Error() {
				t.Errorf("%q: %v, want %v", answer, err, want)
			}
		} else if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", answer, err, want)
		}
	}
}
