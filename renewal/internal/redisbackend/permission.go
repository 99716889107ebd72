package redisbackend

import (
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// refusal begins the error of permitted.lua; names of commands and keys follow.
const refusal = "NOPERM renewal: "

// explain turns Redis's words about a missing permission into a *backend.Refused, and
// leaves every other error as it is.
func explain(err error) error {
	if !isReply(err) || !redis.IsPermissionError(err) && !refusedInScript(err) {
		return err
	}
	refused := &backend.Refused{Err: err}
	if names, ok := strings.CutPrefix(err.Error(), refusal); ok { // permitted.lua
		refused.Commands = strings.Fields(names)
		return refused
	}
	if _, rest, ok := strings.Cut(err.Error(), " run the '"); ok {
		if name, _, ok := strings.Cut(rest, "'"); ok {
			refused.Commands = []string{strings.ToUpper(name)}
		}
	}
	return refused
}

// refusedInScript reports whether a script ran into what its user may not do, in the words
// of Redis 7.0 and of later ones.
func refusedInScript(err error) bool {
	text := err.Error()
	return strings.Contains(text, "The user executing the script can't") || strings.Contains(text, "ACL failure in script")
}

// isKeyRefused reports whether the user may run the command, but not on one of these keys.
func isKeyRefused(err error) bool {
	if !isReply(err) || !redis.IsPermissionError(err) {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "one of the keys") || strings.Contains(text, "access a key") ||
		strings.Contains(text, "access the '")
}
