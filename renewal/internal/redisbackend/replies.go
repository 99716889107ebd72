package redisbackend

import (
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// isReply reports whether an error is a reply of the server.
func isReply(err error) bool {
	if err == nil {
		return false
	}
	var reply redis.Error
	return errors.As(err, &reply)
}

// fail sets the answer of a request from an error.
func fail(r *backend.Request, err error) {
	r.Answer, r.Err = classify(err, *r.Key)
}

// classify returns the Answer and the error of a request whose call for key failed with err.
func classify(err error, key string) (backend.Answer, error) {
	switch {
	case !isReply(err):
		return backend.Silent, err
	case redis.HasErrorPrefix(err, "MOVED "), redis.HasErrorPrefix(err, "ASK "):
		return backend.Redirected, readRedirect(err)
	case redis.HasErrorPrefix(err, "READONLY "), redis.HasErrorPrefix(err, "CLUSTERDOWN "), redis.HasErrorPrefix(err, "MASTERDOWN "):
		return backend.Moved, err
	}
	return backend.Failed, explain(err, key)
}

// readRedirect reads "MOVED 3999 host:port" or "ASK 3999 host:port".
func readRedirect(err error) *backend.Redirect {
	word, rest, _ := strings.Cut(err.Error(), " ")
	_, addr, _ := strings.Cut(rest, " ")
	return &backend.Redirect{To: addr, Moved: word == "MOVED", Err: err}
}

// isTorn reports whether a command failed because its slot is moving from one node to another and
// its keys may be on both nodes.
func isTorn(err error) bool { return isReply(err) && redis.HasErrorPrefix(err, "TRYAGAIN ") }

// isUnknownScript reports whether the server lacks the script of the call.
func isUnknownScript(err error) bool { return isReply(err) && redis.HasErrorPrefix(err, "NOSCRIPT") }
