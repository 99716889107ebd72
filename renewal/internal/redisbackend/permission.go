package redisbackend

import (
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// refusal is the prefix of the error of permitted.lua; a list of what is refused follows.
const refusal = "NOPERM renewal: "

// explain turns an error of Redis about a missing permission into a *backend.Refused, and returns
// every other error unchanged. The keys are all keys of the call, because Redis may refuse a call
// because of one key without naming that key.
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

// readRefusals reads the list of permitted.lua, which names commands first, then keys.
func readRefusals(refused *backend.Refused, list string) {
	for _, what := range strings.Split(list, "; ") {
		name, isCommand := strings.CutPrefix(what, "command ")
		key, isKey := strings.CutPrefix(what, "key ")
		switch last := len(refused.Keys) - 1; {
		case isKey:
			refused.Keys = append(refused.Keys, key)
		case last >= 0: // the key itself contains "; "
			refused.Keys[last] += "; " + what
		case isCommand:
			refused.Commands = append(refused.Commands, name)
		}
	}
}

// refusedInScript reports whether a script failed for want of a permission. It knows the wording of
// Redis 7.0 and of later versions.
func refusedInScript(err error) bool {
	text := err.Error()
	return strings.Contains(text, "The user executing the script can't") || strings.Contains(text, "ACL failure in script")
}

// isKeyRefused reports whether the user may run the command, but not on one of its keys.
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
