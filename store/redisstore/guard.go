package redisstore

import (
	"regexp"
	"slices"
	"strings"
)

// written matches a command in a script: in a call, or as the first element of a table that is
// unpacked into a call.
var written = regexp.MustCompile(`(?:redis\.p?call\(|\{ )'([A-Z]+)'`)

// commandsOf returns the commands that a script may run, without PUBLISH: hints are sent last, by
// pcall, and nothing depends on them.
func commandsOf(text string) []string {
	var commands []string
	for _, m := range written.FindAllStringSubmatch(text, -1) {
		if m[1] != "PUBLISH" {
			commands = append(commands, m[1])
		}
	}
	slices.Sort(commands)
	return slices.Compact(commands)
}

// guard returns the beginning of each script, which checks whether the user may run all commands
// that follow: the permissions may have changed since the store was opened, and Redis undoes
// nothing of a script that it refuses in the middle. The check costs about half a microsecond per
// command.
func guard(commands []string) string {
	return `if redis.acl_check_cmd then
	local denied = {}
	for _, command in ipairs({ '` + strings.Join(commands, "', '") + `' }) do
		if not redis.acl_check_cmd(command, KEYS[1]) then
			denied[#denied + 1] = command
		end
	end
	if #denied > 0 then
		return redis.error_reply('NOPERM this user has no permission for ' .. table.concat(denied, ', ') .. ' on ' .. KEYS[1])
	end
end
`
}
