package renewal

import (
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// PermissionError says what the Redis user may not do. It matches ErrNotPermitted.
// docs/renewal.md has the rule to copy.
type PermissionError struct {
	// Commands are those that the user may not run; empty if it is the key that he may
	// not use, or if Redis did not tell.
	Commands []string
	Err      error // as it came from Redis
}

func (e *PermissionError) Error() string {
	if len(e.Commands) == 0 {
		return fmt.Sprintf("renewal: the Redis user has too few permissions: %v", e.Err)
	}
	return "renewal: the Redis user has no permission for " + strings.Join(e.Commands, ", ")
}

// Is makes the error match ErrNotPermitted.
func (e *PermissionError) Is(target error) bool { return target == ErrNotPermitted }

// Unwrap returns the error of Redis.
func (e *PermissionError) Unwrap() error { return e.Err }

// explained turns Redis's words about a missing permission into a *PermissionError, and
// leaves every other error as it is.
func explained(err error) error {
	if !isReply(err) || !redis.IsPermissionError(err) && !refusedInScript(err) {
		return err
	}
	if names, ok := strings.CutPrefix(err.Error(), "NOPERM renewal: "); ok { // permitted.lua
		return &PermissionError{Commands: strings.Fields(names), Err: err}
	}
	refused := &PermissionError{Err: err}
	if _, rest, ok := strings.Cut(err.Error(), " run the '"); ok {
		if name, _, ok := strings.Cut(rest, "'"); ok {
			refused.Commands = []string{strings.ToUpper(name)}
		}
	}
	return refused
}

// refusedInScript tells whether a script ran into what its user may not do, in the words
// of Redis 7.0 and of later ones.
func refusedInScript(err error) bool {
	text := err.Error()
	return strings.Contains(text, "The user executing the script can't") || strings.Contains(text, "ACL failure in script")
}

// isKeyRefused tells whether the user may run the command, but not on one of these keys.
func isKeyRefused(err error) bool {
	if !isReply(err) || !redis.IsPermissionError(err) {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "one of the keys") || strings.Contains(text, "access a key") ||
		strings.Contains(text, "access the '")
}
