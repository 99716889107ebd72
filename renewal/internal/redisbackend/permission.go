package redisbackend

import (
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// refusal begins the error of permitted.lua; what is refused follows.
const refusal = "NOPERM renewal: "

// explain turns an error of Redis about a missing permission into a *backend.Refused, and returns
// every other error unchanged. Keys are those of the call: Redis refuses a call for one of its keys
// without naming it.
func explain(err error, keys ...string) error {
	if !isReply(err) || !redis.IsPermissionError(err) && !refusedInScript(err) {
		return err
	}
	refused := &backend.Refused{Err: err}
	if isKeyRefused(err) {
		refused.Keys = keys
	}
	if list, ok := strings.CutPrefix(err.Error(), refusal); ok {
		refused.Keys = nil
		readRefusals(refused, list)
		return refused
	}
	if _, rest, ok := strings.Cut(err.Error(), " run the '"); ok {
		if name, _, ok := strings.Cut(rest, "'"); ok {
			refused.Commands = []string{strings.ToUpper(name)}
		}
	}
	return refused
}

// readRefusals reads the list of permitted.lua: commands first, then keys.
func readRefusals(refused *backend.Refused, list string) {
	for _, what := range strings.Split(list, "; ") {
		name, isCommand := strings.CutPrefix(what, "command ")
		key, isKey := strings.CutPrefix(what, "key ")
		switch last := len(refused.Keys) - 1; {
		case isKey:
			refused.Keys = append(refused.Keys, key)
		case last >= 0: // the rest of a key
			refused.Keys[last] += "; " + what
		case isCommand:
			refused.Commands = append(refused.Commands, name)
		}
	}
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
	if list, ok := strings.CutPrefix(text, refusal); ok {
		return strings.HasPrefix(list, "key ")
	}
	return strings.Contains(text, "one of the keys") || strings.Contains(text, "access a key") ||
		strings.Contains(text, "access the '")
}
