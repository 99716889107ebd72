package redisstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/store"
)

// fault turns an error of the client into an error of the contract. key is the key that the call
// concerned.
func (cl *client) fault(ctx context.Context, key string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var (
		answer redis.Error
		number *strconv.NumError
	)
	switch {
	case store.Temporary(err):
		return err
	case redis.IsAuthError(err) || redis.HasErrorPrefix(err, "WRONGPASS"):
		return cl.withdrawn(&ServerError{Addr: cl.addr, Reason: "the server does not accept this user and password", Err: err})
	case redis.IsPermissionError(err) || refusedInScript(err):
		return cl.withdrawn(&ServerError{Addr: cl.addr, Reason: "this user may not use the commands or keys that are needed", Err: err})
	case refusedTLS(err):
		return &ServerError{Addr: cl.addr, Reason: "TLS failed, or only one side uses it", Err: err}
	case errors.Is(err, redis.ErrClosed):
		return err
	case redis.HasErrorPrefix(err, "WRONGTYPE") || errors.As(err, &number):
		return &store.CorruptError{Key: key, Reason: err.Error()}
	case errors.As(err, &answer) && !passing(answer):
		return fmt.Errorf("redisstore: %s: %w", key, err)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = errors.New(err.Error()) // the client's own timeout, not the end of ctx
	}
	return &store.TemporaryError{Err: err}
}

// withdrawn turns err into a passing fault if Open has succeeded: the permission existed then, so
// it was withdrawn and may be restored. Until then no task fails for lack of it.
func (cl *client) withdrawn(err *ServerError) error {
	if cl.opened {
		return &store.TemporaryError{Err: err}
	}
	return err
}

// refusedInScript reports whether a script was refused for lack of a permission, by the error
// messages of Redis 7.0 and of later versions.
func refusedInScript(err error) bool {
	text := err.Error()
	return strings.Contains(text, "The user executing the script can't") || strings.Contains(text, "ACL failure in script")
}

// passing reports whether an error that a server has answered may pass by itself.
func passing(err error) bool {
	if redis.IsLoadingError(err) || redis.IsReadOnlyError(err) || redis.IsClusterDownError(err) ||
		redis.IsTryAgainError(err) || redis.IsMasterDownError(err) || redis.IsMaxClientsError(err) ||
		redis.IsOOMError(err) || redis.IsNoReplicasError(err) {
		return true
	}
	for _, code := range []string{"BUSY", "MOVED", "ASK", "MISCONF", "UNBLOCKED", "NOSCRIPT", "UNKILLABLE"} {
		if redis.HasErrorPrefix(err, code) {
			return true
		}
	}
	// An error inside the script: the slot is being moved (in the words of Redis and of Valkey), or
	// the cluster is down.
	text := err.Error()
	return strings.Contains(text, "Script attempted to access a non local key") ||
		strings.Contains(text, "undeclared keys were accessed during rehashing of the slot") ||
		strings.Contains(text, "while the cluster is down")
}

func refusedTLS(err error) bool {
	var (
		header    tls.RecordHeaderError
		alert     tls.AlertError
		cert      *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
	)
	return errors.As(err, &header) || errors.As(err, &alert) || errors.As(err, &cert) ||
		errors.As(err, &authority) || errors.As(err, &host)
}

// problem turns an answer "!..." of a script into an error; it returns nil for "=...".
func problem(key, answer string) error {
	if strings.HasPrefix(answer, "=") {
		return nil
	}
	word, rest, _ := strings.Cut(strings.TrimPrefix(answer, "!"), " ")
	switch word {
	case "notfound":
		return store.ErrNotFound
	case "conflict":
		return fmt.Errorf("%w: %s", store.ErrConflict, rest)
	case "ahead":
		if newest, err := strconv.ParseInt(rest, 10, 64); err == nil {
			return &store.EventsAheadError{Newest: newest}
		}
	case "corrupt":
		size, text, ok := strings.Cut(rest, ":")
		if n, err := strconv.Atoi(size); ok && err == nil && n >= 0 && n <= len(text) {
			return &store.CorruptError{Key: text[:n], Reason: text[n:]}
		}
	}
	return &store.CorruptError{Key: key, Reason: fmt.Sprintf("a script answered %.64q", answer)}
}
